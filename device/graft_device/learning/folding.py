"""Divides photos into folds, so that every head is judged on photos that it did not see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.remembered import Labels

FOLDS = 5

Rows = NDArray[np.bool_]


def folds(labels: Labels, judged: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Deals the photos of each class to five folds; the same photos always get the same folds.

    Args:
        labels: the class of each photo, ``[N]``.
        judged: which photos may be held out, ``[N]``; the others train in every fold.

    Yields:
        The rows to train on and the rows that are held out. A fold without a photo is left out.
    """
    places = np.full(len(labels), -1)
    rng = np.random.default_rng(0)
    for label in np.unique(labels):
        rows = np.flatnonzero(judged & (labels == label))
        places[rows] = rng.permutation(len(rows)) % FOLDS
    for fold in range(FOLDS):
        outside = places == fold
        if outside.any():
            yield ~outside, outside
