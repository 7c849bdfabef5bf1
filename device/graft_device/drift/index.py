"""The population stability index of two histograms, and what chance alone would give."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graft_device.drift.histogram import Histogram

_LEAST_SHARE = 0.1
"""Of both histograms together, in each group of bins: with tenths, as the index is usually computed."""

_LEAST_PHOTOS = 5
"""The number that a group should have by that share, so that the chi-squared distribution fits (Cochran's rule)."""

_ADDED = 0.5
"""Added to each count, so that an empty group has a logarithm."""

_QUANTILE = 1.6449
"""The 95% quantile of the normal distribution."""


@dataclass(frozen=True)
class Comparison:
    """How far one histogram is from another.

    Attributes:
        index: the population stability index, 0 for equal shares.
        chance: what the index stays below in 95 of 100 cases when both histograms are of the same photos.
        groups: into how many groups of scores the photos were divided.
        lower: the probability that a score of the recent ones is lower than one of the reference; 0.5 for neither.
    """

    index: float
    chance: float
    groups: int
    lower: float


def compare(reference: Histogram, recent: Histogram) -> Comparison | None:
    """Compares recent scores with those of the reference.

    The index is the sum of (p - q) ln(p/q) over groups of scores with the shares p and q. Without drift, it is
    distributed about as (1/n + 1/m) times chi-squared with one degree of freedom less than groups (Yurdakul,
    Statistical Properties of Population Stability Index, 2018). That takes each photo for a new one. Frames of one
    scene that follow each other are not, so days differ more than this.

    Args:
        reference: the test photos.
        recent: the board's frames.

    Returns:
        The comparison; None if either has no photos.
    """
    first, second = reference.photos, recent.photos
    if not first or not second:
        return None
    groups = _groups(reference, recent)
    index = 0.0
    for start, end in groups:
        p = (sum(reference.counts[start:end]) + _ADDED) / (first + _ADDED * len(groups))
        q = (sum(recent.counts[start:end]) + _ADDED) / (second + _ADDED * len(groups))
        index += (q - p) * math.log(q / p)
    chance = (1 / first + 1 / second) * _chi_squared(len(groups) - 1)
    return Comparison(index, chance, len(groups), _lower(reference, recent))


def _groups(reference: Histogram, recent: Histogram) -> list[tuple[int, int]]:
    """Joins bins, from the highest scores down, until each group has enough of both histograms together."""
    first, second = reference.photos, recent.photos
    least = max(_LEAST_SHARE, _LEAST_PHOTOS / min(first, second))
    groups: list[tuple[int, int]] = []
    end, share = len(reference.counts), 0.0
    for start in range(end - 1, -1, -1):
        share += (reference.counts[start] / first + recent.counts[start] / second) / 2
        if share >= least:
            groups.append((start, end))
            end, share = start, 0.0
    if not groups:
        return [(0, len(reference.counts))]
    groups[-1] = (0, groups[-1][1])  # what is left at the bottom is too few for a group
    return groups


def _chi_squared(degrees: int) -> float:
    """The 95% quantile of chi-squared, approximated within 3% after Wilson and Hilferty (1931); 0 for no degree."""
    if degrees == 0:
        return 0.0
    spread = 2 / (9 * degrees)
    return degrees * float((1 - spread + _QUANTILE * math.sqrt(spread)) ** 3)


def _lower(reference: Histogram, recent: Histogram) -> float:
    """The probability that a recent score is in a lower bin, and half of that to be in the same one."""
    lower, below = 0.0, 0
    for old, new in zip(reference.counts, recent.counts):
        lower += old * (below + new / 2)
        below += new
    return lower / (reference.photos * recent.photos)
