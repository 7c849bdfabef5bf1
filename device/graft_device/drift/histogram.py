"""Histograms of best scores, the same in the model card and on the board."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

EDGES = (
    0.0, 0.25, 0.375, 0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985,
    0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0,
)  # fmt: skip
"""The edges of the bins, 0 to 1. Scores crowd near 1, so the bins are narrow there."""

BINS = len(EDGES) - 1
_INNER = EDGES[1:-1]
_MOST = 2**53
_SAME = 1e-9


def bin_of(score: float) -> int:
    """The index of the bin of a score, 0 to ``BINS - 1``."""
    return bisect_right(_INNER, score)


@dataclass(frozen=True)
class Histogram:
    """How often each best score occurred.

    Attributes:
        counts: photos or frames by bin, ``BINS`` of them.
        unknown: how many of them were unknown.
    """

    counts: tuple[int, ...]
    unknown: int

    @property
    def photos(self) -> int:
        """The number of photos or frames."""
        return sum(self.counts)

    @property
    def unknown_share(self) -> float:
        """The share of unknown ones, 0 to 1."""
        return self.unknown / self.photos if self.photos else 0.0

    def __add__(self, other: Histogram) -> Histogram:
        """Both together."""
        together = tuple(one + two for one, two in zip(self.counts, other.counts))
        return Histogram(together, self.unknown + other.unknown)

    def to_json(self) -> dict[str, Any]:
        """The counts, without the edges."""
        return {"counts": list(self.counts), "unknown": self.unknown, "photos": self.photos}

    @classmethod
    def read(cls, values: object) -> Histogram:
        """Reads what ``to_json`` gave.

        Raises:
            ValueError: the values are not a histogram with these bins.
        """
        if not isinstance(values, dict):
            raise ValueError("the counts are not an object")
        counts, unknown = values.get("counts"), values.get("unknown")
        if not isinstance(counts, list) or len(counts) != BINS or not all(map(_is_count, [*counts, unknown])):
            raise ValueError(f"the counts are not {BINS} whole numbers and that of the unknown")
        histogram = cls(tuple(counts), int(unknown or 0))
        if not histogram.unknown <= histogram.photos <= _MOST:
            raise ValueError("more are unknown than were counted")
        return histogram

    @classmethod
    def of(cls, scores: Iterable[float], unknown: int) -> Histogram:
        """Counts best scores.

        Args:
            scores: the best score of each photo, 0 to 1.
            unknown: how many of the photos are unknown.
        """
        counts = [0] * BINS
        for score in scores:
            counts[bin_of(score)] += 1
        return cls(tuple(counts), unknown)


NONE = Histogram((0,) * BINS, 0)
"""Without a photo."""


def card_entry(scores: Iterable[float], unknown: int) -> dict[str, Any]:
    """``training.scores`` of a model card: the edges, and the counts of the test photos; see ``Histogram.of``."""
    return {"edges": list(EDGES), **Histogram.of(scores, unknown).to_json()}


def card_histogram(training: dict[str, Any]) -> Histogram | None:
    """The histogram of the test photos; None if there is none that can be compared.

    Args:
        training: that of the model card.
    """
    entry = training.get("scores")
    if not isinstance(entry, dict) or not has_edges(entry):
        return None
    try:
        histogram = Histogram.read(entry)
    except ValueError:
        return None
    return histogram if histogram.photos else None


def has_edges(entry: dict[str, Any]) -> bool:
    """Whether counts that were read have the edges of this version."""
    edges = entry.get("edges")
    if not isinstance(edges, list) or len(edges) != len(EDGES):
        return False
    return all(isinstance(edge, (int, float)) and abs(edge - own) < _SAME for edge, own in zip(edges, EDGES))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST
