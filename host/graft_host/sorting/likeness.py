"""Divides pictures into groups of likeness by their bottlenecks.

Ward's method joins the two groups whose union is the least spread out, again and again (J. H. Ward, "Hierarchical
grouping to optimize an objective function", Journal of the American Statistical Association 58 (1963), 236-244). It
starts from nothing random, so the same pictures always form the same groups. Bottlenecks that are means of a ReLU are
compared by their square roots, because their variance grows with their mean.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Indices = NDArray[np.int64]

_DIRECTIONS = 64
"""Principal directions that are compared: on photos of cats and dogs, rendered flowers and rendered parts, groups were
as pure as with all numbers."""

_MOST_JOINED = 4000
"""Pictures that are joined one by one, which takes memory for all pairs; the others join the group that is nearest."""


def groups_of_likeness(bottlenecks: Array, most: int | None = None) -> list[Indices]:
    """Divides pictures into about as many groups as there are pictures in a group, like ones next to each other.

    Args:
        bottlenecks: ``[N,D]``, in an order that does not depend on where the files are.
        most: the largest number of groups; the square root of N when None.

    Returns:
        The rows of each group. Groups that are alike follow each other, and so do pictures in a group.
    """
    count = len(bottlenecks)
    wanted = min(most or round(math.sqrt(count)), count)
    if wanted < 2:  # noqa: PLR2004  a group is all pictures
        return [_in_order(bottlenecks)] if count else []
    points = _principal(bottlenecks)
    joined = np.linspace(0, count - 1, min(count, _MOST_JOINED)).astype(np.int64)
    leaves, labels = _joined(points[joined], wanted)
    order = list(dict.fromkeys(labels[leaves].tolist()))
    if len(joined) == count:
        return [leaves[labels[leaves] == label] for label in order]
    means = np.stack([points[joined[labels == label]].mean(axis=0) for label in order])
    nearest = _nearest(points, means)
    nearest[joined] = _places(order, labels)
    return [np.flatnonzero(nearest == place) for place in range(len(order))]


def _in_order(bottlenecks: Array) -> Indices:
    """The rows so that like ones are next to each other."""
    return np.arange(len(bottlenecks)) if len(bottlenecks) < 3 else _joined(_principal(bottlenecks), 1)[0]  # noqa: PLR2004


def _joined(points: Array, wanted: int) -> tuple[Indices, Indices]:
    """The rows in the order of the tree of Ward's method, and the number of each row's group."""
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage  # takes a third of a second

    tree = linkage(points, "ward")
    return leaves_list(tree).astype(np.int64), fcluster(tree, wanted, "maxclust").astype(np.int64)


def _principal(bottlenecks: Array) -> Array:
    """The bottlenecks in the directions in which they vary most, ``[N,k]``."""
    values = np.sqrt(bottlenecks) if bottlenecks.min(initial=0) >= 0 else bottlenecks
    values = values - values.mean(axis=0)
    kept = min(_DIRECTIONS, *values.shape)
    if len(values) < values.shape[1]:
        spread, vectors = np.linalg.eigh((values @ values.T).astype(np.float64))
        scores = vectors[:, -kept:] * np.sqrt(np.maximum(spread[-kept:], 0))
    else:
        scores = values @ np.linalg.eigh((values.T @ values).astype(np.float64))[1][:, -kept:].astype(np.float32)
    return np.ascontiguousarray(scores, np.float32)


def _nearest(points: Array, means: Array) -> Indices:
    """The mean that is nearest to each point."""
    distances = np.square(means).sum(axis=1) - 2 * points @ means.T
    return np.asarray(distances.argmin(axis=1), np.int64)


def _places(order: list[int], labels: Indices) -> Indices:
    """The place of each label in the order."""
    places = {label: place for place, label in enumerate(order)}
    return np.array([places[label] for label in labels.tolist()], np.int64)
