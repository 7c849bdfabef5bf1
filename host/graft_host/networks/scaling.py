"""How what a network reads, pixels or an int8 map, becomes the numbers that it computes with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import scaled

_LEVELS = 255
SMALLEST, LARGEST = -128, 127
"""The ends of int8."""


class InputScaling(ABC):
    """How stored numbers become those that a network computes with."""

    @property
    @abstractmethod
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest number that a stored number can become."""

    @property
    @abstractmethod
    def remainder(self) -> float:
        """What the stored number that pads the input stands for, which the first bias takes up."""

    @property
    @abstractmethod
    def quantization(self) -> Quantization:
        """Of the input in int8."""

    @abstractmethod
    def numbers(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The numbers that a float network computes with, float32."""

    @abstractmethod
    def means(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean numbers, given the mean stored numbers."""


@dataclass(frozen=True)
class Quantization(InputScaling):
    """TFLite's quantization: real = scale · (stored - zero point).

    Attributes:
        scale: a float32 number.
        zero_point: of an int8 tensor.
    """

    scale: float
    zero_point: int

    @property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest number that an int8 number can stand for."""
        return self.scale * (SMALLEST - self.zero_point), self.scale * (LARGEST - self.zero_point)

    @property
    def remainder(self) -> float:
        """0: every number is stored as it is computed with."""
        return 0.0

    @property
    def quantization(self) -> Quantization:
        """The quantization itself."""
        return self

    def numbers(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The numbers that int8 numbers stand for, float32."""
        return (stored.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)

    def means(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean numbers, given the mean int8 numbers."""
        return (stored - self.zero_point) * self.scale


@dataclass(frozen=True)
class Scaling(InputScaling):
    """Pixels 0 to 255 become ``(pixel - mean) / std``.

    Attributes:
        mean: subtracted from a pixel.
        std: what a pixel is divided by after that.
    """

    mean: float
    std: float

    @property
    def extent(self) -> tuple[float, float]:
        """The numbers of a black and of a white pixel, the smaller one first."""
        ends = sorted(((0 - self.mean) / self.std, (_LEVELS - self.mean) / self.std))
        return ends[0], ends[1]

    @property
    def zero_point(self) -> int:
        """The pixel that is nearest to 0 when it is scaled: what an int8 network pads with."""
        return max(0, min(_LEVELS, round(self.mean)))

    @property
    def remainder(self) -> float:
        """What the scaled pixel at ``zero_point`` differs from 0, which the first bias takes up."""
        return (self.zero_point - self.mean) / self.std

    @property
    def quantization(self) -> Quantization:
        """Of the pixels in int8, which are stored as they are."""
        return Quantization(float(np.float32(1 / self.std)), self.zero_point + SMALLEST)

    def numbers(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The scaled pixels, float32."""
        return scaled(stored, self.mean, self.std)

    def means(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean scaled pixels, given the mean pixels."""
        return (stored - self.mean) / self.std
