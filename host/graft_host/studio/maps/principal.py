"""Lays vectors out in the plane in which they vary most (principal component analysis)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Principal:
    """Vectors in the directions in which they vary most.

    Attributes:
        points: the coordinates of the vectors, the direction of the largest variance first, ``[N,k]``.
        explained: the share of the variance that each direction has, ``[k]``; 0 where all vectors are the same.
    """

    points: Array
    explained: NDArray[np.float64]


def principal(vectors: Array, wanted: int) -> Principal:
    """Computes the coordinates of vectors in their principal directions.

    The directions are the eigenvectors of the covariance, or of the products of the vectors with each other where
    there are fewer vectors than numbers in one. Each is turned so that its largest number is positive, so the same
    vectors always give the same picture, and a mirrored one never.

    Args:
        vectors: ``[N,D]``, at least one.
        wanted: how many directions; those that N vectors do not have are 0.
    """
    values = np.asarray(vectors, np.float64)
    values = values - values.mean(axis=0)
    count, numbers = values.shape
    kept = min(wanted, count, numbers)
    if count < numbers:
        spread, rows = np.linalg.eigh(values @ values.T)
        directions = values.T @ rows[:, ::-1][:, :kept]
        lengths = np.linalg.norm(directions, axis=0)
        directions = directions / np.where(lengths > 0, lengths, 1)
    else:
        spread, columns = np.linalg.eigh(values.T @ values)
        directions = columns[:, ::-1][:, :kept]
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(kept)] < 0, -1.0, 1.0)
    points = np.zeros((count, wanted), np.float32)
    points[:, :kept] = values @ (directions * signs)
    total = float(np.square(values).sum())
    explained = np.zeros(wanted)
    if total > 0:
        explained[:kept] = np.clip(spread[::-1][:kept], 0, None) / total
    return Principal(points, explained)
