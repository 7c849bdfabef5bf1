"""A head that is as sure as it may be, and that knows what it doesn't know.

Both are set on photos that were not trained on: the temperature that makes the scores honest, and the score below
which a photo is called unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from graft_host.heads.gradient_descent import diverged
from graft_host.heads.head import Array, Fold, Head, Labels, Part, Recipe, fit_head, folds, photo_weights, too_few
from graft_host.heads.novelty import Novelty, measure_spread, shrink
from graft_host.heads.temperature import HOTTEST, best_temperature, log_softmax
from graft_host.support.parallel import each

BINS = 15
"""Bins of the expected calibration error, as in Guo et al. 2017."""

_AIM = 0.5
"""Share of the stated rate that is refused here at most: new photos lie somewhat further out than these."""
_CONFIDENCE = 0.95
_FAR_SHARE = 0.75
"""Share of the refusals that is spent on photos that lie far out; the others are those between classes."""
_FEWEST = 20
_MARGIN = 0.1  # share of a score's lead over 1/K that rounding in the file may take from it


@dataclass(frozen=True)
class Unknown:
    """When a photo is called unknown.

    Attributes:
        score: if the best label's score is below this.
        rate: at most this share of known photos is refused.
        photos: how many it was set on.
    """

    score: float
    rate: float
    photos: int

    def to_json(self) -> dict[str, Any]:
        """What the model card keeps of it."""
        return {"score": round(self.score, 6), "false_rejection_rate": self.rate, "photos": self.photos}


@dataclass(frozen=True)
class CalibratedHead:
    """What is grafted onto the backbone.

    Attributes:
        head: with the temperature folded in.
        temperature: that the logits were divided by.
        photos: how many it was set on.
        novelty: shrinks the logits of strangers; None if nothing is to be called unknown.
        unknown: likewise.
    """

    head: Head
    temperature: float
    photos: int
    novelty: Novelty | None
    unknown: Unknown | None

    def uncalibrated(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The logits ``[N,K]`` of the head as it was trained."""
        return self.head.logits(bottlenecks).astype(np.float64) * self.temperature

    def scores(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The probabilities ``[N,K]`` for bottlenecks ``[N,D]``."""
        logits = self.head.logits(bottlenecks).astype(np.float64)
        if self.novelty is not None:
            logits *= self.novelty.shrink(bottlenecks)[:, np.newaxis]
        return softmax(logits)


@dataclass(frozen=True)
class _HeldOut:
    """Photos seen by a head that was not trained on them: logits ``[M,K]``, labels ``[M]``, distances ``[M]``."""

    logits: NDArray[np.float64]
    labels: Labels
    distances: NDArray[np.float64]


def calibrate(
    head: Head,
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    recipe: Recipe,
    groups: Labels,
    rate: float,
    threads: int = 1,
) -> CalibratedHead:
    """Sets the temperature and the threshold of a head.

    The temperature is set on the validation photos, or where these are few on folds of the training photos too. The
    threshold is set on both: its place hangs on a few photos at the edge, so it needs many.

    Args:
        head: trained on ``train``.
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: photos that were not trained on.
        recipe: how the head was trained.
        groups: rows of ``train`` with the same number show one photo, ``[N]``.
        rate: share of known photos that may be called unknown; 0 if none is ever to be.
        threads: folds at a time.

    Raises:
        GraftError: gradient descent diverged, so far that no temperature makes up for it.
    """
    classes = len(head.bias)
    seen = _seen(head, train, validation)
    few = too_few(validation[1], classes)
    folded = _folded(head, train, recipe, groups, threads) if few or rate > 0 else []
    everything = _joined([seen, *folded])
    basis = everything if few else seen
    temperature = best_temperature(basis.logits, basis.labels)
    if recipe.optimizer == "sgd" and temperature >= HOTTEST:
        raise diverged(recipe.descent)
    cooled = replace(head, kernel=head.kernel / np.float32(temperature), bias=head.bias / np.float32(temperature))
    plain = CalibratedHead(cooled, temperature, len(basis.labels), None, None)
    if rate == 0 or len(everything.labels) < _FEWEST:
        return plain
    scaled = replace(everything, logits=everything.logits / temperature)
    start, unknown = _threshold(scaled, rate)
    return replace(plain, novelty=Novelty(measure_spread(train[0]), start), unknown=unknown)


def expected_calibration_error(scores: NDArray[np.floating[Any]], labels: Labels) -> float:
    """How far sureness and being right lie apart: the mean over bins of the best score, weighted by photos.

    Guo et al. 2017, 15 bins of equal width.

    Args:
        scores: probabilities ``[N,K]``.
        labels: the truth ``[N]``.
    """
    best = scores.max(axis=1).astype(np.float64)
    right = scores.argmax(axis=1) == labels
    bins = np.clip((best * BINS).astype(np.int64), 0, BINS - 1)
    gaps = np.zeros(BINS)
    np.add.at(gaps, bins, right - best)
    return float(np.abs(gaps).sum() / max(len(labels), 1))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities ``[N,K]``."""
    probabilities: NDArray[np.float64] = np.exp(log_softmax(logits))
    return probabilities


def _seen(head: Head, train: tuple[Array, Labels], held: tuple[Array, Labels]) -> _HeldOut:
    distances = measure_spread(train[0]).distance(held[0])
    return _HeldOut(head.logits(held[0]).astype(np.float64), held[1], distances)


def _folded(head: Head, train: tuple[Array, Labels], recipe: Recipe, groups: Labels, threads: int) -> list[_HeldOut]:
    """The training photos, fold by fold, as a head sees them that was trained on the others; variants left out."""
    classes = len(head.bias)
    originals = np.zeros(len(groups), bool)
    originals[np.unique(groups, return_index=True)[1]] = True

    def look(fold: Fold) -> _HeldOut:
        inside, outside = fold
        held = outside & originals
        kept = (train[0][inside], train[1][inside])
        part: Part = (*kept, photo_weights(kept[1], classes, balanced=recipe.balanced))
        return _seen(fit_head(part, classes, recipe, head.penalty), kept, (train[0][held], train[1][held]))

    return each(look, folds(groups, recipe.seed), threads)


def _joined(parts: list[_HeldOut]) -> _HeldOut:
    return _HeldOut(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )


def _threshold(held: _HeldOut, rate: float) -> tuple[float, Unknown]:
    """Where logits begin to shrink, and the score below which a photo is unknown."""
    count = len(held.labels)
    refused = _refusable(count, rate)
    start = float(np.sort(held.distances)[::-1][int(np.ceil(_FAR_SHARE * refused))])
    scores = np.sort(softmax(held.logits * shrink(held.distances, start)[:, np.newaxis]).max(axis=1))
    stated = max(rate, _upper_bound(refused, count))
    chance = 1 / held.logits.shape[1]
    below = chance + (1 - _MARGIN) * (float(scores[refused]) - chance)
    return start, Unknown(below, round(stated, 4), count)


def _refusable(count: int, rate: float) -> int:
    """How many of the photos may be refused, so that the rate holds for new ones with 95% confidence; at least 0."""
    refused = int(_AIM * rate * (count + 1))
    while refused > 0 and _upper_bound(refused, count) > rate:
        refused -= 1
    return refused


def _upper_bound(refused: int, count: int) -> float:
    """The largest rate that 95% confidence leaves open (Clopper & Pearson 1934)."""
    return float(special.betaincinv(refused + 1, count - refused, _CONFIDENCE))
