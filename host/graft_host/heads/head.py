"""Bottlenecks become a head: softmax(x·W + b), trained on what the board will see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.gradient_descent import Descent, diverged, gradient_descent
from graft_host.heads.softmax_regression import solve
from graft_host.support.parallel import each

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Part = tuple[Array, Labels, NDArray[np.float64]]
Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]

PENALTIES = tuple(float(c) for c in np.logspace(-5, 1, 13))
"""The values of C, inverse strength of the L2 penalty on standardized bottlenecks, that are tried."""

_FOLDS = 5
_ENOUGH = 30  # validation photos to choose a penalty by themselves
_LOST = 10  # times the loss of a head of zeros; a few small steps from a random kernel may end above it too


@dataclass(frozen=True)
class Head:
    """A softmax layer on raw bottlenecks.

    Attributes:
        kernel: W, float32 ``[D,K]``.
        bias: b, float32 ``[K]``.
        penalty: the C that it was trained with; None for plain gradient descent.
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


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    Attributes:
        optimizer: ``lbfgs`` finds the optimum of the penalized loss; ``sgd`` is the 2015 recipe, plain
            gradient descent on raw bottlenecks.
        balanced: weigh photos so that every class counts the same.
        seed: for everything that is drawn.
        learning_rate: of ``sgd``.
        steps: of ``sgd``.
        batch: photos a step of ``sgd``.
    """

    optimizer: str = "lbfgs"
    balanced: bool = False
    seed: int = 0
    learning_rate: float = 0.5
    steps: int = 4000
    batch: int = 100

    @property
    def descent(self) -> Descent:
        """What ``sgd`` needs to know."""
        return Descent(self.learning_rate, self.steps, self.batch, self.seed)


def train_head(
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    classes: int,
    recipe: Recipe,
    groups: Labels | None = None,
    threads: int = 1,
) -> Head:
    """Trains a head.

    Args:
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: the photos that choose the penalty; where they are few, five folds of ``train`` help them.
        classes: K.
        recipe: how.
        groups: rows of ``train`` with the same number, ``[N]``, show one photo and stay on one side of a fold; each
            row is a photo of its own when None.
        threads: folds at a time.

    Raises:
        GraftError: gradient descent diverged.
    """
    part = _weighted(train, classes, recipe)
    if recipe.optimizer == "sgd":
        return _learned(fit_head(part, classes, recipe, None), part, recipe)
    groups = np.arange(len(train[1])) if groups is None else groups
    return _best_head(part, groups, validation, classes, recipe, threads)


def fit_head(train: Part, classes: int, recipe: Recipe, penalty: float | None) -> Head:
    """Trains a head whose penalty is settled; raises GraftError if gradient descent diverges."""
    if penalty is None:
        return Head(*gradient_descent(*train, classes, recipe.descent))
    return fit_softmax(*train, classes, (penalty,))[0]


def photo_weights(labels: Labels, classes: int, *, balanced: bool) -> NDArray[np.float64]:
    """Each photo's weight in the loss: 1, or N / (K · photos of its class), so that classes weigh the same."""
    if not balanced:
        return np.ones(len(labels))
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights: NDArray[np.float64] = (len(labels) / (classes * counts))[labels]
    return weights


def fit_softmax(
    bottlenecks: Array,
    labels: Labels,
    weights: NDArray[np.float64],
    classes: int,
    penalties: Sequence[float],
) -> list[Head]:
    """Softmax regression on standardized bottlenecks, a head for each penalty; see ``softmax_regression``."""
    return [
        Head(kernel, bias, penalty)
        for penalty, (kernel, bias) in zip(
            penalties, solve(bottlenecks, labels, weights, classes, penalties), strict=True
        )
    ]


def cross_entropy(logits: Array, labels: Labels, weights: NDArray[np.float64] | None = None) -> float:
    """The weighted mean of -log of the probability that was given to the true class."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    losses = np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=weights))


def _learned(head: Head, train: Part, recipe: Recipe) -> Head:
    """A head of gradient descent; raises GraftError if its steps led away from any use, if not out of all bounds.

    Large steps alone do no harm, as they scale all logits alike and the temperature undoes that. So it must be both
    farther off than no head at all, and right no more often than the commonest class for every photo.
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
    train: Part, groups: Labels, validation: tuple[Array, Labels], classes: int, recipe: Recipe, threads: int
) -> Head:
    """The head whose penalty has the smallest loss on photos that were not trained on."""
    rounds = [(train, _weighted(validation, classes, recipe))] if len(validation[1]) else []
    if too_few(validation[1], classes):
        rounds += [(_rows(train, inside), _rows(train, outside)) for inside, outside in folds(groups, recipe.seed)]

    def tried(parts: tuple[Part, Part]) -> tuple[list[Head], NDArray[np.float64]]:
        (x, y, w), (held_x, held_y, held_w) = parts
        heads = fit_softmax(x, y, w, classes, PENALTIES)
        return heads, np.array([held_w.sum() * cross_entropy(head.logits(held_x), held_y, held_w) for head in heads])

    found = each(tried, rounds, threads)
    best = int(np.argmin(sum((losses for _, losses in found), np.zeros(len(PENALTIES)))))
    if len(validation[1]):  # the first round was trained on all of them
        return found[0][0][best]
    return fit_head(train, classes, recipe, PENALTIES[best])


def too_few(labels: Labels, classes: int) -> bool:
    """Whether photos are too few, or lack a class, to choose a penalty by themselves."""
    return len(labels) < _ENOUGH or len(np.unique(labels)) < classes


def folds(groups: Labels, seed: int) -> list[Fold]:
    """Divides rows into five parts: for each, the rows to train on and those held out, as masks ``[N]``.

    Args:
        groups: rows with the same number stay on one side, ``[N]``.
        seed: shuffles them.
    """
    _, members = np.unique(groups, return_inverse=True)
    places = (np.random.default_rng(seed).permutation(members.max() + 1) % _FOLDS)[members]
    masks = [(places != fold, places == fold) for fold in range(_FOLDS)]
    return [(inside, outside) for inside, outside in masks if inside.any() and outside.any()]


def _weighted(photos: tuple[Array, Labels], classes: int, recipe: Recipe) -> Part:
    return (*photos, photo_weights(photos[1], classes, balanced=recipe.balanced))


def _rows(part: Part, rows: NDArray[np.bool_]) -> Part:
    return part[0][rows], part[1][rows], part[2][rows]
