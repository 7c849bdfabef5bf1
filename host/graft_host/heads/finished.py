"""A finished head: its scores are honest, and it calls a photo unknown that is unlike those it was trained on.

Temperature and threshold are both set on photos that the head was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.gradient_descent import diverged
from graft_host.heads.head import (
    Array,
    Fold,
    Head,
    Labels,
    Weights,
    check_held_out,
    fit_head,
    folds,
    too_few,
    weighted_photos,
)
from graft_host.heads.map_folds import map_folds
from graft_host.heads.novelty import Novelty, measure_spread
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import HOTTEST, best_temperature, helpful_temperature, softmax
from graft_host.heads.thresholds import FEWEST_PHOTOS, HeldOut, UnknownThreshold, set_threshold


@dataclass(frozen=True, kw_only=True)
class FinishedHead:
    """The head that is grafted onto the backbone.

    Attributes:
        head: kernel and bias, divided by the temperature; the bias shifted afterwards.
        temperature: the number that the trained head's logits are divided by; 1 if no other helps.
        photos: number of photos that the temperature was set on.
        novelty: shrinks the logits of unknown photos; None if no photo is called unknown.
        unknown: the score below which a photo is unknown; None if no photo is called unknown.
        shift: what was added to the bias because the classes occur more or less often than in training, ``[K]``; None
            if nothing was.
    """

    head: Head
    temperature: float
    photos: int
    novelty: Novelty | None = None
    unknown: UnknownThreshold | None = None
    shift: NDArray[np.float64] | None = None

    def trained_logits(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The logits ``[N,K]`` of the head as it was trained, before temperature scaling and shift."""
        logits = self.head.logits(bottlenecks).astype(np.float64)
        return (logits if self.shift is None else logits - self.shift) * self.temperature

    def unscaled_logits(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The logits ``[N,K]`` without temperature scaling, shifted as those of the finished head are."""
        logits = self.trained_logits(bottlenecks)
        return logits if self.shift is None else logits + self.shift

    def scores(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The probabilities ``[N,K]`` for bottlenecks ``[N,D]``."""
        logits = self.head.logits(bottlenecks).astype(np.float64)
        if self.novelty is not None:
            logits *= self.novelty.shrink(bottlenecks)[:, np.newaxis]
        return softmax(logits)


def finish_head(
    head: Head,
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    recipe: Recipe,
    groups: Labels,
    rate: float,
    threads: int = 1,
    *,
    fitted: bool = False,
    validation_groups: Labels | None = None,
    weights: Weights | None = None,
    shift: NDArray[np.float64] | None = None,
) -> FinishedHead:
    """Sets the temperature and the unknown threshold of a trained head.

    Both are set on the validation photos and on the training photos, which heads of five folds classify; only where
    no photo is called unknown are validation photos alone enough, unless they are few. The temperature stays 1 if no
    other helps on those of these photos that it was not chosen on. Where the backbone was fitted to the training
    photos, their bottlenecks are closer together and easier to separate than those of new photos.
    Temperature, threshold and novelty then come from the validation photos alone, however few they are.

    Args:
        head: trained on ``train``.
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: bottlenecks and labels of photos that the head was not trained on.
        recipe: how the head was trained; the heads of the folds are trained in the same way.
        groups: rows of ``train`` with the same number show one photo, ``[N]``. Rows with a negative number only train:
            temperature, threshold and novelty do not depend on their scores.
        rate: share of known photos that may be called unknown; 0 to call no photo unknown.
        threads: folds at a time.
        fitted: whether the backbone was fitted to the photos of ``train``.
        validation_groups: rows of ``validation`` with the same number are near duplicates, ``[N]``; None if there are
            none.
        weights: of the rows of ``train`` in the loss, ``[N]``; None if all count the same.
        shift: what is added to the logits after temperature scaling, ``[K]``; None for nothing. The threshold is that
            of the shifted scores.

    Raises:
        DatasetError: the backbone was fitted to the training photos, and there are no validation photos.
        GraftError: gradient descent diverged so far that no temperature makes up for it.
    """
    check_held_out(validation, fitted=fitted)
    known = _without(train[0], groups)
    validated = _validated(head, validation, recipe) if fitted else _held_out(head, known, validation)
    few = too_few(validation[1], len(head.bias)) and not fitted
    folded = _folded(head, train, recipe, groups, weights, threads) if few or (rate > 0 and not fitted) else []
    basis = _joined([validated, *folded])
    if recipe.optimizer == "sgd" and best_temperature(basis.logits, basis.labels) >= HOTTEST:
        raise diverged(recipe.descent)
    groups = np.arange(len(basis.labels))
    if validation_groups is not None:  # the other photos of the basis are different ones
        groups[: len(validation_groups)] = len(groups) + validation_groups
    temperature = helpful_temperature(basis.logits, basis.labels, groups, recipe.seed)
    scaled = replace(head, kernel=head.kernel / np.float32(temperature), bias=head.bias / np.float32(temperature))
    logits = basis.logits / temperature
    if shift is not None:
        scaled, logits = replace(scaled, bias=scaled.bias + shift.astype(np.float32)), logits + shift
    finished = FinishedHead(head=scaled, temperature=temperature, photos=len(basis.labels), shift=shift)
    if rate == 0 or len(basis.labels) < FEWEST_PHOTOS:
        return finished
    start, unknown = set_threshold(replace(basis, logits=logits), rate)
    spread = measure_spread(validation[0] if fitted else known)
    return replace(finished, novelty=Novelty(spread, start), unknown=unknown)


def _held_out(head: Head, known: Array, photos: tuple[Array, Labels]) -> HeldOut:
    """The results of a head on other photos than those that it was trained on, with distances from the known ones."""
    distances = measure_spread(known).distance(photos[0])
    return HeldOut(head.logits(photos[0]).astype(np.float64), photos[1], distances)


def _validated(head: Head, validation: tuple[Array, Labels], recipe: Recipe) -> HeldOut:
    """The results of a head on the validation photos, fold by fold at a distance from the other validation photos."""
    bottlenecks, labels = validation
    distances = np.zeros(len(labels))
    for inside, outside in folds(np.arange(len(labels)), recipe.seed):
        distances[outside] = measure_spread(bottlenecks[inside]).distance(bottlenecks[outside])
    return HeldOut(head.logits(bottlenecks).astype(np.float64), labels, distances)


def _folded(
    head: Head, train: tuple[Array, Labels], recipe: Recipe, groups: Labels, weights: Weights | None, threads: int
) -> list[HeldOut]:
    """Results on the training photos, fold by fold, of heads trained on the other folds; without variants."""
    classes = len(head.bias)
    originals = np.zeros(len(groups), bool)
    originals[np.unique(groups, return_index=True)[1]] = True

    def results(fold: Fold) -> HeldOut:
        inside, outside = fold
        held = outside & originals
        kept = (train[0][inside], train[1][inside])
        weighted = weighted_photos(kept, classes, recipe, None if weights is None else weights[inside])
        known = _without(kept[0], groups[inside])
        return _held_out(fit_head(weighted, classes, recipe, head.penalty), known, (train[0][held], train[1][held]))

    return map_folds(results, folds(groups, recipe.seed), threads)


def _without(bottlenecks: Array, groups: Labels) -> Array:
    """Bottlenecks without the rows that only train, whose groups are negative."""
    return bottlenecks if (groups >= 0).all() else bottlenecks[groups >= 0]


def _joined(results: list[HeldOut]) -> HeldOut:
    return HeldOut(
        np.concatenate([result.logits for result in results]),
        np.concatenate([result.labels for result in results]),
        np.concatenate([result.distances for result in results]),
    )
