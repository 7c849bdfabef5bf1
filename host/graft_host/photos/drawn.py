"""Random numbers that depend on a text alone, for copies of photos that stay the same for ever."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

_BYTES = 4  # that are summed for a number of the noise


class Drawn:
    """Random numbers from the bits of PCG64, which NumPy promises never to change, unlike those of its generators.

    Args:
        text: what the numbers are drawn from.
    """

    def __init__(self, text: str) -> None:
        entropy = hashlib.sha256(text.encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(entropy[:16], "big"))

    def between(self, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        return low + (high - low) * int(self._bits.random_raw()) / 2**64

    def below(self, count: int) -> int:
        """A whole number from 0 to ``count - 1``."""
        return int(self._bits.random_raw()) * count >> 64

    def noise(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Numbers of mean 0 and variance 1, nearly normal: each is the sum of four bytes."""
        count = math.prod(shape) * _BYTES
        words = np.asarray(self._bits.random_raw(-(-count // 8)), "<u8")
        sums = words.view(np.uint8)[:count].reshape(-1, _BYTES).sum(axis=1, dtype=np.int32)
        variance = _BYTES * (256**2 - 1) / 12
        noise: NDArray[np.float32] = ((sums - _BYTES * 127.5) / math.sqrt(variance)).astype(np.float32).reshape(shape)
        return noise
