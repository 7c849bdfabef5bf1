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

from graft_device.learning.remembered import Array
from graft_device.learning.spread import FARTHEST, FLOOR, LEAST_REST, SHARPNESS, Spread, leading_directions, roots

__all__ = [
    "FARTHEST", "SHARPNESS", "Array", "Likeness", "Novelty", "Spread", "measure_spread", "roots", "shrink",
    "takes_roots",
]  # fmt: skip

_DIRECTIONS = 16
"""Most directions that are left out. On photos of cats and dogs, EfficientNet-Lite0 at ``top`` refuses 72% of rendered
parts with none, 92% with 4, 99% with 16 and with 32 (at the distance that refuses 3% of the known photos)."""

_PHOTOS_A_DIRECTION = 4


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
    variance += FLOOR * variance.mean() + 1e-12
    weight = (1 / (variance * length)).astype(np.float32)
    left_out = min(_DIRECTIONS, count // _PHOTOS_A_DIRECTION, length // _PHOTOS_A_DIRECTION)
    if left_out == 0:
        return Spread(mean, weight, root=root)
    scaled = (values - mean) * np.sqrt(weight)
    directions = leading_directions(scaled, left_out)
    rest = np.square(scaled).sum(axis=1) - np.square(scaled @ directions.T).sum(axis=1)
    unit = np.float32(1 / max(float(rest.mean()), LEAST_REST))
    return Spread(mean, weight * unit, directions * np.sqrt(weight * unit), root)


def takes_roots(bottlenecks: Array) -> bool:
    """Whether the square roots of known bottlenecks ``[N,D]`` are compared: whether none of these is negative."""
    return bool(bottlenecks.min() >= 0)


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
