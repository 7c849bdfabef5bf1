"""How pixels become the numbers that a network computes with."""

from __future__ import annotations

from dataclasses import dataclass

_LEVELS = 255


@dataclass(frozen=True)
class Scaling:
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
