"""The score below which a photo is called unknown, and the distance from which its scores are flattened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Labels
from graft_host.heads.novelty import shrink
from graft_host.heads.temperature import softmax

FEWEST_PHOTOS = 20
"""Photos below which no threshold is set."""

_AIM = 0.5
"""Share of the stated rate that is refused here at most, because new photos are somewhat farther out than these."""
_CONFIDENCE = 0.95
_FAR_SHARE = 0.75
"""Share of the refusals spent on photos that are far out; the rest is spent on photos between classes."""
_LEAST_START = 1e-3
"""Of the distance from which logits shrink; held-out photos that are nearly identical to the others have about 0."""
_LEAST_WIDTH = 0.1
"""Of the likeness to negatives, in logarithms of odds, over which logits shrink; known photos that are nearly identical
are all alike."""
_MARGIN = 0.1  # share of a score's lead over 1/K that rounding in the file may cost it


@dataclass(frozen=True)
class UnknownThreshold:
    """When a photo is called unknown.

    Attributes:
        score: a photo is unknown if its best label scores less than this.
        rate: the largest share of known photos that is refused.
        photos: number of photos that the threshold was set on.
    """

    score: float
    rate: float
    photos: int

    def to_json(self) -> dict[str, Any]:
        """The threshold as the model card stores it."""
        return {"score": round(self.score, 6), "false_rejection_rate": self.rate, "photos": self.photos}


@dataclass(frozen=True)
class HeldOut:
    """The results of a head on M photos that it was not trained on.

    Attributes:
        logits: ``[M,K]``.
        labels: the true classes, ``[M]``.
        distances: from the bottlenecks that the head was trained on, ``[M]``.
        likeness: to negatives, of ``Detector.likeness``, ``[M]``; None if there are none to learn from.
    """

    logits: NDArray[np.float64]
    labels: Labels
    distances: NDArray[np.float64]
    likeness: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Limit:
    """The likeness to negatives from which logits shrink.

    Attributes:
        start: the likeness up to which logits are left unchanged.
        width: how far the median of the known photos is below that.
    """

    start: float
    width: float

    def beyond(self, likeness: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each is beyond the start, ``[N]``, as ``Likeness.beyond`` has it."""
        return (likeness - self.start) / self.width


def set_threshold(held_out: HeldOut, rate: float) -> tuple[float, UnknownThreshold]:
    """Chooses where logits begin to shrink, and the score below which a photo is unknown.

    Args:
        held_out: at least ``FEWEST_PHOTOS`` photos; their logits are divided by the temperature already.
        rate: share of known photos that may be called unknown, above 0.

    Returns:
        The distance for ``Novelty.start``, and the threshold. Its ``rate`` is larger than the one asked for where
        the photos are too few to prove that.
    """
    count = len(held_out.labels)
    refused = _refusable(count, rate)
    start = max(float(np.sort(held_out.distances)[::-1][int(np.ceil(_FAR_SHARE * refused))]), _LEAST_START)
    return start, _threshold(held_out, rate, start)


def set_limit(
    held_out: HeldOut, negatives: HeldOut, rate: float, start: float
) -> tuple[Limit, UnknownThreshold, NDArray[np.bool_]]:
    """Chooses from which likeness to negatives logits shrink, and the threshold with that.

    As many known photos are refused as without negatives. How many of these may be so because they look like negatives
    is what refuses most negatives.

    Args:
        held_out: known photos as for ``set_threshold``, with their likeness.
        negatives: photos of none of the classes, with their likeness.
        rate: share of known photos that may be called unknown, above 0.
        start: the distance that ``set_threshold`` chose.

    Returns:
        The limit, the threshold, and which of the negatives are refused, ``[M]``.
    """
    known, unlike = held_out.likeness, negatives.likeness
    if known is None or unlike is None:
        raise ValueError("likeness is needed")
    highest, median = np.sort(known)[::-1], float(np.median(known))
    tried = []
    for place in range(_refusable(len(known), rate) + 1):
        limit = Limit(float(highest[place]), max(float(highest[place]) - median, _LEAST_WIDTH))
        threshold = _threshold(held_out, rate, start, limit)
        tried.append((limit, threshold, _scores(negatives, start, limit) < threshold.score))
    return max(tried, key=lambda one: int(one[2].sum()))  # the first of the best


def _threshold(held_out: HeldOut, rate: float, start: float, limit: Limit | None = None) -> UnknownThreshold:
    """The threshold that refuses as many known photos as the rate lets."""
    count = len(held_out.labels)
    refused = _refusable(count, rate)
    scores = np.sort(_scores(held_out, start, limit))
    chance = 1 / held_out.logits.shape[1]
    below = chance + (1 - _MARGIN) * (float(scores[refused]) - chance)
    return UnknownThreshold(below, round(max(rate, _upper_bound(refused, count)), 4), count)


def _scores(photos: HeldOut, start: float, limit: Limit | None) -> NDArray[np.float64]:
    """The best score of each photo, ``[M]``."""
    likeness = None if limit is None or photos.likeness is None else limit.beyond(photos.likeness)
    scores: NDArray[np.float64] = softmax(
        photos.logits * shrink(photos.distances, start, likeness)[:, np.newaxis]
    ).max(axis=1)  # fmt: skip
    return scores


def _refusable(count: int, rate: float) -> int:
    """How many of the photos may be refused so that the rate holds for new ones with 95% confidence; at least 0."""
    refused = int(_AIM * rate * (count + 1))
    while refused > 0 and _upper_bound(refused, count) > rate:
        refused -= 1
    return refused


def _upper_bound(refused: int, count: int) -> float:
    """The largest rate that is compatible with the count at 95% confidence (Clopper & Pearson 1934)."""
    from scipy import special  # takes a tenth of a second

    return float(special.betaincinv(refused + 1, count - refused, _CONFIDENCE))
