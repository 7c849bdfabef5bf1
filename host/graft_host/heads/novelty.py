"""Measures how far a bottleneck is from those that were trained on, and shrinks a head's logits accordingly.

A softmax layer is as confident about unknown objects as about known ones: it only sees on which side of a boundary they
are. So the logits of a bottleneck that is farther out than the known photos are shrunk, which brings its probabilities
towards 1/K. The quotient of logits and a function of the input is the decomposed confidence of Hsu et al. 2020
(Generalized ODIN). The distance is Mahalanobis's with a diagonal covariance, after Lee et al. 2018. Both run inside the
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

_FLOOR = 0.03
"""Share of the mean variance that is added to every variance, so that numbers that hardly vary don't dominate."""


@dataclass(frozen=True)
class Spread:
    """The mean and spread of the known bottlenecks.

    Attributes:
        mean: the mean of each number, float32 ``[D]``.
        weight: the weight of each number in the distance, 1 / (D · its variance), float32 ``[D]``.
    """

    mean: Array
    weight: Array

    def distance(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The mean squared deviation in units of the variance, ``[N]``; about 1 for known photos."""
        deviation = (bottlenecks - self.mean).astype(np.float64)
        distances: NDArray[np.float64] = np.square(deviation) @ self.weight
        return distances


@dataclass(frozen=True)
class Novelty:
    """Shrinks the logits of photos that are unlike the known ones.

    Attributes:
        spread: of the known bottlenecks.
        start: the distance up to which logits are left unchanged.
    """

    spread: Spread
    start: float

    def shrink(self, bottlenecks: Array) -> NDArray[np.float64]:
        """The factor on the logits of each bottleneck, ``[N]``: 1 up to the start, then falling to exp(-FARTHEST)."""
        return shrink(self.spread.distance(bottlenecks), self.start)


def measure_spread(bottlenecks: Array) -> Spread:
    """Computes the spread of bottlenecks ``[N,D]``."""
    variance = bottlenecks.var(axis=0, dtype=np.float64)
    variance += _FLOOR * variance.mean() + 1e-12
    weight = 1 / (variance * bottlenecks.shape[1])
    return Spread(bottlenecks.mean(axis=0, dtype=np.float64).astype(np.float32), weight.astype(np.float32))


def shrink(distances: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """The factor on logits: exp(-min(FARTHEST, max(0, SHARPNESS · (distance / start - 1))))."""
    factors: NDArray[np.float64] = np.exp(-np.clip(SHARPNESS * (distances / start - 1), 0, FARTHEST))
    return factors
