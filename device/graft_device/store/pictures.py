"""Renders pictures to test a model without photos: the same on every machine, since only integers are used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COUNT = 6
"""How many different pictures there are."""

_MIX, _MASK = 2_654_435_761, 0xFFFF_FFFF  # Knuth's multiplicative hashing, The Art of Computer Programming 6.4


def render(number: int, size: int) -> NDArray[np.uint8]:
    """Renders a picture.

    Args:
        number: the picture's number, on which shapes and colours depend.
        size: the side S in pixels.

    Returns:
        RGB pixels, uint8 ``[S,S,3]``.
    """
    rows, columns = np.mgrid[0:size, 0:size].astype(np.int64)
    down, right = rows * 255 // max(size - 1, 1), columns * 255 // max(size - 1, 1)
    cell = 16 << (number % 3)
    patches = _noise((down // cell) * 64 + right // cell, number)
    disc = (down - 90 - 20 * (number % 4)) ** 2 + (right - 140) ** 2 < (40 + 12 * (number % 5)) ** 2
    stripes = (down * (1 + number % 2) + right * (number % 4)) // (8 + 6 * number) % 2
    pixels = np.stack([(patches >> shift) & 0xFF for shift in (0, 8, 16)], axis=-1)
    pixels = np.where(stripes[..., np.newaxis] == 1, pixels, (pixels + down[..., np.newaxis]) // 2)
    colour = np.array([_noise(np.array(7 * number + part, np.int64), 99) & 0xFF for part in range(3)])
    pixels = np.where(disc[..., np.newaxis], colour, pixels)
    return pixels.astype(np.uint8)


def _noise(numbers: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """32 pseudo-random bits for each number."""
    mixed = (numbers + 1 + 977 * seed) * _MIX & _MASK
    mixed ^= mixed >> 15
    mixed = mixed * (_MIX >> 1 | 1) & _MASK
    noise: NDArray[np.int64] = mixed ^ (mixed >> 13)
    return noise
