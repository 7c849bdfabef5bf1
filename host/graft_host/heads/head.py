"""Trains a head, softmax(x·W + b), on the bottlenecks that the board will compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError
from graft_host.heads.gradient_descent import diverged, gradient_descent
from graft_host.heads.map_folds import map_folds
from graft_host.heads.recipe import Recipe
from graft_host.heads.softmax_regression import solve

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Weights = NDArray[np.float64]
WeightedPhotos = tuple[Array, Labels, Weights]
Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]

PENALTIES = tuple(float(c) for c in np.logspace(-5, 1, 13))
"""The values of C that are tried: the inverse strength of the L2 penalty on standardized bottlenecks."""

_FOLDS = 5
_ALWAYS = -1  # the fold of rows that are trained on in all folds
_ENOUGH = 30  # validation photos that can choose a penalty without the help of folds
_LOST = 10  # times the loss of a head of zeros, which a few small steps from a random kernel may exceed too


@dataclass(frozen=True)
class Head:
    """A softmax layer on raw bottlenecks.

    Attributes:
        kernel: W, float32 ``[D,K]``.
        bias: b, float32 ``[K]``.
        penalty: the C that the head was trained with; None for plain gradient descent.
    """

    kernel: Array
    bias: Array
    penalty: float | None = None

    def logits(self, bottlenecks: Array) -> Array:
        """x·W + b for bottlenecks ``[N,D]``: ``[N,K]``."""
        return bottlenecks @ self.kernel + self.bias

    def predict(self, bottlenecks: Array) -> Labels:
        """The most probable class of each bottleneck, ``[N]``."""
        classes: Labels = np.argmax(self.logits(bottlenecks), axis=1)
        return classes


def train_head(
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    classes: int,
    recipe: Recipe,
    groups: Labels | None = None,
    threads: int = 1,
    *,
    fitted: bool = False,
    weights: Weights | None = None,
) -> Head:
    """Trains a head.

    Args:
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: bottlenecks and labels of the photos that choose the penalty; if they are few, five folds of
            ``train`` help to choose.
        classes: K.
        recipe: how the head is trained.
        groups: rows of ``train`` with the same number, ``[N]``, show one photo and stay on one side of a fold; None
            if every row is a different photo. Rows with a negative number are trained on in every fold.
        threads: folds at a time.
        fitted: whether the backbone was fitted to the photos of ``train``. Their bottlenecks are then easier to
            separate than those of new photos, so the validation photos alone choose the penalty.
        weights: of the rows of ``train`` in the loss, ``[N]``; None if all count the same.

    Raises:
        DatasetError: the backbone was fitted to the training photos, and there are no validation photos.
        GraftError: gradient descent diverged.
    """
    check_held_out(validation, fitted=fitted)
    weighted = weighted_photos(train, classes, recipe, weights)
    if recipe.optimizer == "sgd":
        return _useful(fit_head(weighted, classes, recipe, None), weighted, recipe)
    groups = np.arange(len(train[1])) if groups is None else groups
    return _best_head(weighted, groups, validation, classes, recipe, threads, fitted=fitted)


def fit_head(train: WeightedPhotos, classes: int, recipe: Recipe, penalty: float | None) -> Head:
    """Trains a head with a given penalty; raises GraftError if gradient descent diverges."""
    if penalty is None:
        return Head(*gradient_descent(*train, classes, recipe.descent))
    return fit_softmax(*train, classes, (penalty,))[0]


def photo_weights(labels: Labels, classes: int, *, balanced: bool) -> Weights:
    """Each photo's weight in the loss: 1, or N / (K · photos of its class) so that classes count the same."""
    if not balanced:
        return np.ones(len(labels))
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights: Weights = (len(labels) / (classes * counts))[labels]
    return weights


def weighted_photos(
    photos: tuple[Array, Labels], classes: int, recipe: Recipe, weights: Weights | None = None
) -> WeightedPhotos:
    """Adds to photos their weights in the loss.

    Args:
        photos: bottlenecks ``[N,D]`` and labels ``[N]``.
        classes: K.
        recipe: whether classes are balanced.
        weights: of the photos, ``[N]``; None if all count the same. Balanced classes have the same sum of weights.
            Gradient descent gets them with a mean of 1, so that they do not change the size of its steps.
    """
    labels = photos[1]
    if weights is None:
        return (*photos, photo_weights(labels, classes, balanced=recipe.balanced))
    if recipe.optimizer == "sgd":
        weights = weights * (len(weights) / weights.sum())
    if recipe.balanced:
        sums = np.bincount(labels, weights, minlength=classes)
        weights = weights * (weights.sum() / (classes * np.where(sums > 0, sums, 1)))[labels]
    return (*photos, weights)


def fit_softmax(
    bottlenecks: Array,
    labels: Labels,
    weights: NDArray[np.float64],
    classes: int,
    penalties: Sequence[float],
) -> list[Head]:
    """Trains a head for each penalty by softmax regression on standardized bottlenecks; see ``softmax_regression``."""
    return [
        Head(kernel, bias, penalty)
        for penalty, (kernel, bias) in zip(
            penalties, solve(bottlenecks, labels, weights, classes, penalties), strict=True
        )
    ]


def cross_entropy(logits: Array, labels: Labels, weights: NDArray[np.float64] | None = None) -> float:
    """The weighted mean of -log of the probability of the true class."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    losses = np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=weights))


def _useful(head: Head, train: WeightedPhotos, recipe: Recipe) -> Head:
    """Returns the head of gradient descent; raises GraftError if it is finite but of no use.

    Large steps alone do no harm: they scale all logits alike, and the temperature undoes that. So a head is useless
    only if its loss is far above that of no head at all and it is right no more often than the commonest class.
    """
    values, labels, weights = train
    with np.errstate(over="ignore", invalid="ignore"):
        logits = head.logits(values)
        loss = cross_entropy(logits, labels, weights)
    shares = np.bincount(labels, weights)
    right = float(weights[logits.argmax(axis=1) == labels].sum())
    if not np.isfinite(loss) or (loss > _LOST * np.log(len(shares)) and right <= shares.max()):
        raise diverged(recipe.descent)
    return head


def _best_head(
    train: WeightedPhotos,
    groups: Labels,
    validation: tuple[Array, Labels],
    classes: int,
    recipe: Recipe,
    threads: int,
    *,
    fitted: bool,
) -> Head:
    """Trains the head whose penalty has the smallest loss on photos that were not trained on."""
    rounds = [(train, weighted_photos(validation, classes, recipe))] if len(validation[1]) else []
    if too_few(validation[1], classes) and not fitted:
        rounds += [(_rows(train, inside), _rows(train, outside)) for inside, outside in folds(groups, recipe.seed)]

    def losses(sides: tuple[WeightedPhotos, WeightedPhotos]) -> tuple[list[Head], NDArray[np.float64]]:
        (x, y, w), (held_x, held_y, held_w) = sides
        heads = fit_softmax(x, y, w, classes, PENALTIES)
        return heads, np.array([held_w.sum() * cross_entropy(head.logits(held_x), held_y, held_w) for head in heads])

    results = map_folds(losses, rounds, threads)
    best = int(np.argmin(sum((lost for _, lost in results), np.zeros(len(PENALTIES)))))
    if len(validation[1]):  # the heads of the first round were trained on all training photos
        return results[0][0][best]
    return fit_head(train, classes, recipe, PENALTIES[best])


def check_held_out(validation: tuple[Array, Labels], *, fitted: bool) -> None:
    """Raises DatasetError if nothing was held out from a backbone that was fitted to the training photos."""
    if fitted and not len(validation[1]):
        raise DatasetError(
            "the backbone was fitted to the training photos, and no others are left to set the temperature on",
            "add photos, or raise --validation-percent",
        )


def too_few(labels: Labels, classes: int) -> bool:
    """Whether there are too few photos to choose a penalty without folds: they are too few, or lack a class."""
    return len(labels) < _ENOUGH or len(np.unique(labels)) < classes


def folds(groups: Labels, seed: int) -> list[Fold]:
    """Divides rows into five folds, each a pair of masks ``[N]``: the rows to train on and the rows held out.

    Args:
        groups: rows with the same number stay on one side of every fold, ``[N]``. Rows with a negative number are
            never held out.
        seed: shuffles the groups.
    """
    divided = groups >= 0
    _, members = np.unique(groups[divided], return_inverse=True)
    places = np.full(len(groups), _ALWAYS)
    places[divided] = (np.random.default_rng(seed).permutation(members.max(initial=-1) + 1) % _FOLDS)[members]
    masks = [(places != fold, places == fold) for fold in range(_FOLDS)]
    return [(inside, outside) for inside, outside in masks if (inside & divided).any() and outside.any()]


def _rows(photos: WeightedPhotos, rows: NDArray[np.bool_]) -> WeightedPhotos:
    return photos[0][rows], photos[1][rows], photos[2][rows]
