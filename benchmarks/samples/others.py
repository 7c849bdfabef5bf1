"""Ways to move source photos to a target that graftkit does not use, to compare with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def mean_shift(source: Array, target: Array) -> Array:
    """The source's bottlenecks ``[N,D]``, shifted so that their mean is that of the target's."""
    shifted: Array = source - source.mean(axis=0) + target.mean(axis=0)
    return shifted


def coral(source: Array, target: Array) -> Array:
    """The source's bottlenecks ``[N,D]`` with the mean and the covariance of the target's.

    Sun, Feng and Saenko, "Return of frustratingly easy domain adaptation", AAAI 2016. The mean variance of the source
    is added to the diagonals, because there are fewer target photos than numbers in a bottleneck.
    """
    ridge = np.eye(source.shape[1]) * float(source.var(axis=0).mean())
    whiten = _power(np.cov(source.T) + ridge, -0.5)
    colour = _power(np.cov(target.T) + ridge, 0.5)
    aligned = (source - source.mean(axis=0)) @ whiten @ colour + target.mean(axis=0)
    return np.asarray(aligned, np.float32)


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    power: NDArray[np.float64] = (vectors * values**exponent) @ vectors.T
    return power
