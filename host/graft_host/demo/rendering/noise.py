"""Randomness for rendered photos: chances and smooth noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]


def chance(rng: np.random.Generator, share: float) -> bool:
    """Returns True in this share of cases."""
    return bool(rng.random() < share)


def noise(rng: np.random.Generator, n: int, rows: int, columns: int) -> Array:
    """Makes smooth noise, ``[n, n]``, by enlarging a grid of rows x columns normal values."""
    return _stretch(rng.standard_normal((rows, columns), np.float32), n, n)


def cloud(rng: np.random.Generator, n: int) -> Array:
    """Makes noise on several scales at once, ``[n, n]``."""
    field = rng.standard_normal((3, 3), np.float32)
    for cells, weight in ((8, 0.6), (24, 0.35), (n // 4, 0.3)):
        field = _stretch(field, cells, cells) + weight * rng.standard_normal((cells, cells), np.float32)
    return _stretch(field, n, n)


def _stretch(grid: Array, rows: int, columns: int) -> Array:
    return np.asarray(Image.fromarray(grid).resize((columns, rows), Image.Resampling.BICUBIC))
