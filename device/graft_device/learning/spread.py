"""How far a bottleneck is from the known ones: the distance beyond which a network flattens its scores.

``graft_host.heads.novelty`` says where it comes from. Measured as there, with all photos alike, a class of ten photos
would hardly move the mean of hundreds: nearly all its photos would be called unknown. If all classes count alike,
things that are of no class are hardly refused any more. So each photo counts the square root of what would make
classes count alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.remembered import Array, Labels

Wide = NDArray[np.float64]

SHARPNESS = 20.0
"""Logits are divided by e for every 5% that a bottleneck is beyond the start, so that far ones end near 1/K."""

FARTHEST = 10.0
"""Logits are divided by at most this power of e, so that float32 still keeps their order."""

FLOOR = 0.3
"""Share of the mean variance that is added to every variance, so that numbers that hardly vary don't dominate."""

LEAST_REST = 1e-3
"""Of what the directions leave of a distance, where photos are nearly identical."""

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

    def distance(self, bottlenecks: Array) -> Wide:
        """The mean squared deviation without the directions, ``[N]``; 1 on average for the photos of the spread."""
        deviation = (self.values(bottlenecks) - self.mean).astype(np.float64)
        distances: Wide = np.square(deviation) @ self.weight
        if self.directions is not None:
            distances -= np.square(deviation @ self.directions.T).sum(axis=1)
        return distances


def measure_spread(bottlenecks: Array, weights: Wide, directions: int, *, root: bool) -> Spread:
    """Measures the spread of bottlenecks.

    Args:
        bottlenecks: ``[N,D]``.
        weights: what each counts, ``[N]``.
        directions: how many directions do not count; the file has room for as many.
        root: whether square roots are compared.
    """
    values, share = roots(bottlenecks) if root else bottlenecks, weights / weights.sum()
    mean = (share @ values).astype(np.float32)
    variance = share @ np.square(values - mean, dtype=np.float64)
    variance = variance + FLOOR * variance.mean() + 1e-12
    weight = (1 / (variance * values.shape[1])).astype(np.float32)
    if not directions:
        return Spread(mean, weight, None, root)
    scaled = (values - mean) * np.sqrt(weight)
    found = leading_directions(scaled * np.sqrt(share)[:, np.newaxis].astype(np.float32), directions)
    rest = np.square(scaled).sum(axis=1) - np.square(scaled @ found.T).sum(axis=1)
    unit = np.float32(1 / max(float(share @ rest), LEAST_REST))
    return Spread(mean, weight * unit, found * np.sqrt(weight * unit), root)


def shrink(distances: Wide, start: float, likeness: Wide | None = None) -> Wide:
    """The factor on logits, from 1 to exp(-FARTHEST).

    Args:
        distances: of bottlenecks, ``[N]``.
        start: the distance from which logits shrink.
        likeness: to photos of none of the classes in the file's units, whose 6 is ``FARTHEST``, ``[N]``; None for 0.
    """
    beyond = np.clip(SHARPNESS * (distances / start - 1), 0, FARTHEST)
    if likeness is not None:
        beyond = np.minimum(beyond + np.clip(likeness, 0, 6) * (FARTHEST / 6), FARTHEST)
    factors: Wide = np.exp(-beyond)
    return factors


def class_shares(labels: Labels) -> Wide:
    """What each photo counts if all classes count alike: the weights of a class add up to N / K, ``[N]``."""
    classes, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shares: Wide = (len(labels) / (len(classes) * counts))[members.reshape(-1)]
    return shares


def roots(bottlenecks: Array) -> Array:
    """The square roots of bottlenecks; numbers below 0 count as 0."""
    result: Array = np.sqrt(np.maximum(bottlenecks, np.float32(0)))
    return result


def leading_directions(rows: Array, count: int) -> Array:
    """Orthonormal directions ``[count,D]`` in which rows ``[N,D]`` of mean 0 vary most, as far as a few steps find.

    Zeros follow them if the rows have fewer.
    """
    rng = np.random.default_rng(0)
    width = min(count + _OVERSAMPLING, *rows.shape)
    found = np.linalg.qr(rng.normal(size=(rows.shape[1], width)))[0]
    for _ in range(_ITERATIONS):
        found = np.linalg.qr((rows.T @ (rows @ found.astype(np.float32))).astype(np.float64))[0]
    inside = rows @ found.astype(np.float32)
    values, vectors = np.linalg.eigh((inside.T @ inside).astype(np.float64))
    order = np.argsort(values)[::-1][:count]
    directions = np.asarray((found @ vectors[:, order]).T, np.float32)
    missing = count - len(directions)
    return np.concatenate([directions, np.zeros((missing, rows.shape[1]), np.float32)]) if missing else directions
