"""What a model says of photos that are of none of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.support.intervals import wilson_interval


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How many photos of none of the classes a model calls unknown, and what it takes the others for.

    Attributes:
        photos: number of photos.
        refused: how many of them are called unknown.
        named: how many of them are called each class, in the order of the labels, ``[K]``.
        labels: of the model.
        without: how many would be called unknown had the model not learned from such photos; None if it did not, or
            that is not known.
    """

    photos: int
    refused: int
    named: tuple[int, ...]
    labels: tuple[str, ...]
    without: int | None = None

    @property
    def share(self) -> float:
        """The share that is called unknown."""
        return self.refused / self.photos

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share."""
        return wilson_interval(self.refused, self.photos)

    @property
    def confused(self) -> dict[str, int]:
        """How many photos are taken for each class, the most frequent first; classes without any are left out."""
        taken = [(label, count) for label, count in zip(self.labels, self.named, strict=True) if count]
        return dict(sorted(taken, key=lambda pair: (-pair[1], pair[0])))

    def text(self) -> str:
        """The share with its interval, such as ``41 of 50, 82.0% (69.2 to 90.2%)``."""
        low, high = self.interval
        return f"{self.refused} of {self.photos}, {self.share:.1%} ({100 * low:.1f} to {high:.1%})"

    def to_json(self) -> dict[str, Any]:
        """Numbers of photos, the share that is called unknown and its interval, and what the others are taken for."""
        figures: dict[str, Any] = {
            "photos": self.photos,
            "refused": self.refused,
            "share": self.share,
            "interval": list(self.interval),
            "confused": self.confused,
        }
        return figures if self.without is None else {**figures, "without": self.without}


def refusals(
    scores: NDArray[np.float32], labels: Sequence[str], unknown_below: float, without: int | None = None
) -> Refusals:
    """Counts what a model says.

    Args:
        scores: of photos of none of the classes, ``[N,K]``, at least one.
        labels: of the model.
        unknown_below: photos whose best score is less than this are called unknown.
        without: for ``Refusals.without``.
    """
    refused = scores.max(axis=1) < unknown_below
    named = np.bincount(scores[~refused].argmax(axis=1), minlength=len(labels))
    return Refusals(
        photos=len(scores),
        refused=int(refused.sum()),
        named=tuple(map(int, named)),
        labels=tuple(labels),
        without=without,
    )
