"""Measures how far a bottleneck is from those that were trained on, and shrinks a head's logits accordingly.

A softmax layer is as confident about unknown objects as about known ones: it only sees on which side of a boundary they
are. So the logits of a bottleneck that is farther out than the known photos are shrunk, which brings its probabilities
towards 1/K. The quotient of logits and a function of the input is the decomposed confidence of Hsu et al. 2020
(Generalized ODIN). The distance is Mahalanobis's with a diagonal covariance, after Lee et al. 2018, without
what the few directions in which known photos differ most contribute to it: what is left there is what no known photo
has (the squared prediction error of Jackson and Mudholkar 1979). Bottlenecks that are means
of a ReLU are compared by their square roots, because their variance grows with their mean. All of it runs inside the
``.tflite``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SHARPNESS = 20.0
"""Logits are divided by e for every 5% that a bottleneck is beyond the start, so that far ones end near 1/K."""

FARTHEST = 10.0
"""Logits are divided by at most this power of e, so that float32 still keeps their order."""

_FLOOR = 0.3
"""Share of the mean variance that is added to every variance, so that numbers that hardly vary don't dominate."""

_DIRECTIONS = 16
"""Most directions that are left out. On photos of cats and dogs, EfficientNet-Lite0 at ``top`` refuses 72% of rendered
parts with none, 92% with 4, 99% with 16 and with 32 (at the distance that refuses 3% of the known photos)."""

_PHOTOS_A_DIRECTION = 4
_LEAST_REST = 1e-3  # of what the directions leave of a distance, where photos are nearly identical
_OVERSAMPLING, _ITERATIONS = 8, 4
"""Of the subspace iteration (Halko et al. 2011, arXiv 0909.4061, algorithm 4.4)."""


@dataclass(frozen=True)
class Spread:
    """The mean and spread of the known bottlenecks.

    Attributes:
        mean: the mean of each number, of its square root where ``root`` is true, float32 ``[D]``.
        weight: the weight of each number in the distance, in proportion to 1 / its variance, float32 ``[D]``.
        directions: the combinations of deviations whose squares are not part of the distance, float32 ``[k,D]``; None
            if all deviations count.
        root: whether square roots are compared in place of the numbers.
    """

    mean: Array
    weight: Array
    directions: Array | None = None
    root: bool = False

    def values(self, bottlenecks: Array) -> Array:
        """What is compared: the numbers ``[N,D]``, or their square roots."""
        return roots(bottlenecks) if self.root else bottlenecks

    def distance(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The mean squared deviation without the directions, ``[N]``; 1 on average for the photos of the spread."""
        deviation = (self.values(bottlenecks) - self.mean).astype(np.float64)
        distances: NDArray[np.float64] = np.square(deviation) @ self.weight
        if self.directions is not None:
            distances -= np.square(deviation @ self.directions.T).sum(axis=1)
        return distances


@dataclass(frozen=True)
class Likeness:
    """Says how far bottlenecks are beyond the known photos that look most like photos of none of the classes.

    Attributes:
        weight: of each number, of its square root where the spread has roots, float32 ``[D]``.
        bias: what is added to the sum. 0 is where logits begin to shrink, and -1 the median of the known photos.
    """

    weight: Array
    bias: float

    def beyond(self, values: Array) -> NDArray[np.float64]:
        """The weighed sum of numbers ``[N,D]``, or of their square roots; ``[N]``."""
        return (values @ self.weight).astype(np.float64) + self.bias


@dataclass(frozen=True)
class Novelty:
    """Shrinks the logits of photos that are unlike the known ones, or like photos of none of the classes.

    Attributes:
        spread: of the known bottlenecks.
        start: the distance up to which logits are left unchanged.
        likeness: to photos of none of the classes; None if there were none to learn from.
    """

    spread: Spread
    start: float
    likeness: Likeness | None = None

    def shrink(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The factor on the logits of each bottleneck, ``[N]``: 1 up to the start, then falling to exp(-FARTHEST)."""
        distances = self.spread.distance(bottlenecks)
        if self.likeness is None:
            return shrink(distances, self.start)
        return shrink(distances, self.start, self.likeness.beyond(self.spread.values(bottlenecks)))


def measure_spread(bottlenecks: Array) -> Spread:
    """Computes the spread of bottlenecks ``[N,D]``, of their square roots if none is negative."""
    root = takes_roots(bottlenecks)
    values = roots(bottlenecks) if root else bottlenecks
    count, length = values.shape
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    variance = values.var(axis=0, dtype=np.float64)
    variance += _FLOOR * variance.mean() + 1e-12
    weight = (1 / (variance * length)).astype(np.float32)
    left_out = min(_DIRECTIONS, count // _PHOTOS_A_DIRECTION, length // _PHOTOS_A_DIRECTION)
    if left_out == 0:
        return Spread(mean, weight, root=root)
    scaled = (values - mean) * np.sqrt(weight)
    directions = _leading_directions(scaled, left_out)
    rest = np.square(scaled).sum(axis=1) - np.square(scaled @ directions.T).sum(axis=1)
    unit = np.float32(1 / max(float(rest.mean()), _LEAST_REST))
    return Spread(mean, weight * unit, directions * np.sqrt(weight * unit), root)


def takes_roots(bottlenecks: Array) -> bool:
    """Whether the square roots of known bottlenecks ``[N,D]`` are compared: whether none of these is negative."""
    return bool(bottlenecks.min() >= 0)


def roots(bottlenecks: Array) -> Array:
    """The square roots of bottlenecks; numbers below 0 count as 0."""
    result: Array = np.sqrt(np.maximum(bottlenecks, np.float32(0)))
    return result


def _leading_directions(rows: Array, count: int) -> Array:
    """Orthonormal directions ``[count,D]`` in which rows ``[N,D]`` of mean 0 vary most, as far as a few steps find."""
    rng = np.random.default_rng(0)
    width = min(count + _OVERSAMPLING, *rows.shape)
    found = np.linalg.qr(rng.normal(size=(rows.shape[1], width)))[0]
    for _ in range(_ITERATIONS):
        found = np.linalg.qr((rows.T @ (rows @ found.astype(np.float32))).astype(np.float64))[0]
    inside = rows @ found.astype(np.float32)
    values, vectors = np.linalg.eigh((inside.T @ inside).astype(np.float64))
    order = np.argsort(values)[::-1][:count]
    return np.asarray((found @ vectors[:, order]).T, np.float32)


def shrink(
    distances: NDArray[np.float64], start: float, likeness: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The factor on logits: exp(-min(FARTHEST, far + like)).

    Far is max(0, SHARPNESS · (distance / start - 1)), and like is max(0, SHARPNESS · likeness). Neither makes up for
    the other.

    Args:
        distances: ``[N]``.
        start: the distance up to which logits are left unchanged.
        likeness: of ``Likeness.beyond``, ``[N]``; None for nothing.
    """
    exponents = np.maximum(SHARPNESS * (distances / start - 1), 0)
    if likeness is not None:
        exponents = exponents + np.maximum(SHARPNESS * likeness, 0)
    factors: NDArray[np.float64] = np.exp(-np.minimum(exponents, FARTHEST))
    return factors
