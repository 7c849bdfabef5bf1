"""Bottlenecks become a head: softmax(x·W + b), trained on what the board will see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.gradient_descent import Descent, gradient_descent

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Part = tuple[Array, Labels, NDArray[np.float64]]

PENALTIES = tuple(float(c) for c in np.logspace(-5, 1, 13))
"""The values of C, inverse strength of the L2 penalty on standardized bottlenecks, that are tried."""

_MAX_ITERATIONS = 1000
_TOLERANCE = 1e-4
_FOLDS = 5


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


def train_head(train: tuple[Array, Labels], validation: tuple[Array, Labels], classes: int, recipe: Recipe) -> Head:
    """Trains a head.

    Args:
        train: bottlenecks ``[N,D]`` and labels ``[N]``.
        validation: the photos that choose the penalty; when there are none, five folds of ``train`` do.
        classes: K.
        recipe: how.

    Raises:
        GraftError: gradient descent diverged.
    """
    weights = photo_weights(train[1], classes, balanced=recipe.balanced)
    if recipe.optimizer == "sgd":
        return Head(*gradient_descent(*train, weights, classes, recipe.descent))
    penalty = _best_penalty(train, validation, weights, classes, recipe)
    return fit_softmax(*train, weights, classes, (penalty,))[0]


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
    """Softmax regression by L-BFGS, a head for each penalty, each started from the one before.

    Minimizes sum_i w_i · cross-entropy_i + |W|² / (2C) over standardized bottlenecks with a free bias, and folds the
    standardization into kernel and bias. C means what it means to scikit-learn's ``LogisticRegression``, which trains
    one vector w for two classes: W holds w/2 and -w/2, half its square, so |W|² counts twice then.
    """
    mean = bottlenecks.mean(axis=0, dtype=np.float64)
    deviation = bottlenecks.std(axis=0, dtype=np.float64)
    # A number that never changes says nothing, and rounding noise must not be blown up.
    deviation[deviation < 1e-6 * (np.abs(mean) + 1e-12)] = np.inf
    scaled = np.asarray((bottlenecks - mean) / deviation, np.float32)
    coordinates, basis = _fewer_coordinates(scaled)
    start = np.zeros((coordinates.shape[1] + 1) * classes)
    heads = []
    for penalty in penalties:
        start = _minimized(start, coordinates, labels, weights, classes, penalty)
        kernel, bias = _unpacked(start, coordinates.shape[1], classes)
        folded = (kernel if basis is None else basis @ kernel) / deviation[:, np.newaxis]
        heads.append(Head(folded.astype(np.float32), (bias - mean @ folded).astype(np.float32), penalty))
    return heads


def _fewer_coordinates(scaled: Array) -> tuple[Array, NDArray[np.float64] | None]:
    """With fewer photos than numbers, the photos' coordinates in the space that they span, and its basis ``[D,R]``.

    A kernel outside this space changes no logit and costs penalty, so the optimum lies in it; the basis is
    orthonormal, so the penalty stays the same.
    """
    if len(scaled) >= scaled.shape[1]:
        return scaled, None
    rows, lengths, basis = np.linalg.svd(scaled.astype(np.float64), full_matrices=False)
    kept = lengths > 1e-6 * max(float(lengths[0]), 1e-12)
    return (rows[:, kept] * lengths[kept]).astype(np.float32), basis[kept].T


def _minimized(
    start: NDArray[np.float64],
    scaled: Array,
    labels: Labels,
    weights: NDArray[np.float64],
    classes: int,
    penalty: float,
) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    # The loss is divided by the sum of the weights: the same optimum, and a gradient of about one size.
    total = weights.sum()
    strength = (2 if classes == 2 else 1) / (penalty * total)  # noqa: PLR2004
    found = minimize(
        _loss,
        start,
        args=(scaled, labels, weights / total, classes, strength),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "gtol": _TOLERANCE / total**0.5, "ftol": 1e-12},
    )
    return np.asarray(found.x)


def cross_entropy(logits: Array, labels: Labels, weights: NDArray[np.float64] | None = None) -> float:
    """The weighted mean of -log of the probability that was given to the true class."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    losses = np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=weights))


def _best_penalty(
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    weights: NDArray[np.float64],
    classes: int,
    recipe: Recipe,
) -> float:
    """The penalty with the smallest loss on photos that were not trained on."""
    losses = np.zeros(len(PENALTIES))
    for (x, y, w), (held_x, held_y, held_w) in _rounds(train, validation, weights, classes, recipe):
        heads = fit_softmax(x, y, w, classes, PENALTIES)
        losses += [cross_entropy(head.logits(held_x), held_y, held_w) for head in heads]
    return PENALTIES[int(np.argmin(losses))]


def _rounds(
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    weights: NDArray[np.float64],
    classes: int,
    recipe: Recipe,
) -> list[tuple[Part, Part]]:
    if len(validation[1]):
        held_weights = photo_weights(validation[1], classes, balanced=recipe.balanced)
        return [((*train, weights), (*validation, held_weights))]
    folds = np.random.default_rng(recipe.seed).permutation(len(train[1])) % _FOLDS
    rounds: list[tuple[Part, Part]] = []
    for fold in range(_FOLDS):
        inside, outside = folds != fold, folds == fold
        if outside.any() and inside.any():
            parts = [(train[0][part], train[1][part], weights[part]) for part in (inside, outside)]
            rounds.append((parts[0], parts[1]))
    return rounds


def _loss(
    packed: NDArray[np.float64],
    scaled: Array,
    labels: Labels,
    share: NDArray[np.float64],
    classes: int,
    strength: float,
) -> tuple[float, NDArray[np.float64]]:
    kernel, bias = _unpacked(packed, scaled.shape[1], classes)
    logits = (scaled @ kernel.astype(np.float32)).astype(np.float64) + bias
    logits -= logits.max(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    log_sum = np.log(np.exp(logits).sum(axis=1))
    loss = float(share @ (log_sum - logits[rows, labels])) + strength / 2 * float(np.sum(kernel**2))
    residual = np.exp(logits - log_sum[:, np.newaxis])
    residual[rows, labels] -= 1
    residual *= share[:, np.newaxis]
    gradient = np.empty_like(packed)
    slope, offset = _unpacked(gradient, scaled.shape[1], classes)
    slope[:] = scaled.T @ residual.astype(np.float32) + strength * kernel
    offset[:] = residual.sum(axis=0)
    return loss, gradient


def _unpacked(
    packed: NDArray[np.float64], length: int, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return packed[: length * classes].reshape(length, classes), packed[length * classes :]
