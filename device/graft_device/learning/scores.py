"""Temperature, bias and threshold of a head, from its logits on photos that it did not see."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graft_device.learning.remembered import Labels
from graft_device.learning.softmax_problem import Wide

_COLDEST, _HOTTEST = math.log(0.05), math.log(50.0)
_PRIOR = 0.5  # standard deviation of the logarithm of the temperature, as on the workstation
_FARTHEST_BIAS = 12.0
_ROUNDS, _SECTIONS = 3, 40
_GOLDEN = (math.sqrt(5) - 1) / 2

_CONFIDENCE = 0.95
_AIM = 0.5
"""Share of the stated rate that is refused here at most, as on the workstation."""
_MARGIN = 0.1  # share of a score's lead over 1/K that rounding in the file may cost it


def best_temperature(logits: Wide, labels: Labels, shares: Wide) -> float:
    """The divisor of logits ``[N,K]`` that minimizes the cross-entropy, with a prior that keeps it near 1."""

    def loss(logarithm: float) -> float:
        return cross_entropy(logits / math.exp(logarithm), labels, shares) * len(labels) + (
            0.5 * (logarithm / _PRIOR) ** 2
        )

    return math.exp(least(loss, _COLDEST, _HOTTEST))


def best_bias(logits: Wide, labels: Labels, shares: Wide, label: int) -> float:
    """What to add to the logits ``[N,K]`` of a class so that the cross-entropy is least."""
    own = np.zeros(logits.shape[1])
    own[label] = 1.0
    return least(lambda bias: cross_entropy(logits + bias * own, labels, shares), -_FARTHEST_BIAS, _FARTHEST_BIAS)


def cross_entropy(logits: Wide, labels: Labels, shares: Wide) -> float:
    """The mean of -log of the probability of the true class, weighted by ``shares`` ``[N]``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=shares))


def best_scores(logits: Wide) -> Wide:
    """The largest probability of each photo, ``[N]``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    scores: Wide = 1 / np.exp(shifted).sum(axis=1)
    return scores


def least(function: Callable[[float], float], low: float, high: float) -> float:
    """Finds the minimum of a function with a single one by golden-section search (Kiefer 1953)."""
    for _ in range(_SECTIONS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if function(left) <= function(right) else (left, high)
    return (low + high) / 2


def quantile(values: Wide, shares: Wide, share: float) -> float:
    """The smallest value that at most ``share`` of the photos, each counted by ``shares``, are above."""
    order = np.argsort(values)[::-1]
    above = np.cumsum(shares[order]) / shares.sum()
    return float(values[order][min(int((above <= share + 1e-9).sum()), len(values) - 1)])


def threshold(scores: Wide, shares: Wide, classes: int, rate: float) -> float:
    """The score below which a photo is unknown.

    Args:
        scores: the best score of each known photo, by a head that did not see it, ``[N]``.
        shares: what each photo counts, ``[N]``.
        classes: K.
        rate: the share of known photos that may be called unknown.
    """
    refused = -quantile(-scores, shares, refusable(len(scores), rate) / len(scores))
    chance = 1 / classes
    return chance + (1 - _MARGIN) * max(refused - chance, 0.0)


def stated_rate(photos: int, rate: float) -> float:
    """The rate that so many photos can prove: the one asked for, or a larger one."""
    return round(min(max(rate, upper_bound(refusable(photos, rate), photos)), 1.0), 4)


def refusable(photos: int, rate: float) -> int:
    """How many photos may be refused so that the rate holds for new ones with 95% confidence; at least 0."""
    refused = int(_AIM * rate * (photos + 1))
    while refused > 0 and upper_bound(refused, photos) > rate:
        refused -= 1
    return refused


def upper_bound(refused: int, photos: int) -> float:
    """The largest rate that is compatible with the count at 95% confidence (Clopper & Pearson 1934)."""
    low, high = 0.0, 1.0
    for _ in range(_SECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(refused, photos, middle) > 1 - _CONFIDENCE else (low, middle)
    return high


def _at_most(refused: int, photos: int, rate: float) -> float:
    """The probability that at most so many of the photos are refused."""
    if rate <= 0 or refused >= photos:
        return 1.0
    if rate >= 1:
        return 0.0
    logarithms = (
        math.lgamma(photos + 1) - math.lgamma(count + 1) - math.lgamma(photos - count + 1)
        + count * math.log(rate) + (photos - count) * math.log1p(-rate)
        for count in range(refused + 1)
    )  # fmt: skip
    return sum(map(math.exp, logarithms))
