"""Parts of a frame: rectangles and polygons, in shares of the frame or in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graft_device.errors import GraftError

_RECTANGLE = 4
_SMALLEST_POLYGON = 6


class AreaError(GraftError):
    """A region or a mask is not a part of the frame."""


@dataclass(frozen=True)
class Roi:
    """A rectangle of a frame, as the user gave it.

    Attributes:
        x: the left edge.
        y: the upper edge.
        width: to the right.
        height: downwards.
        shares: whether these are shares of the frame, 0 to 1; otherwise pixels.
    """

    x: float
    y: float
    width: float
    height: float
    shares: bool

    def box(self, frame_width: int, frame_height: int) -> tuple[int, int, int, int]:
        """The rectangle in pixels of a frame, cut at its edges.

        Args:
            frame_width: the width of the frame in pixels.
            frame_height: the height of the frame in pixels.

        Returns:
            left, upper, right, lower; right and lower are outside of the rectangle.

        Raises:
            AreaError: nothing of the rectangle is in the frame.
        """
        across, down = (frame_width, frame_height) if self.shares else (1, 1)
        left, upper = round(self.x * across), round(self.y * down)
        right, lower = round((self.x + self.width) * across), round((self.y + self.height) * down)
        if self.shares:  # the smallest share has a pixel
            left, upper = min(left, frame_width - 1), min(upper, frame_height - 1)
            right, lower = max(right, left + 1), max(lower, upper + 1)
        right, lower = min(right, frame_width), min(lower, frame_height)
        if left >= right or upper >= lower:
            raise AreaError(
                f"the region {self} is outside of the frame of {frame_width} x {frame_height} pixels",
                "give x,y,width,height in shares of the frame, such as 0.5,0,0.5,1",
            )
        return left, upper, right, lower

    def __str__(self) -> str:
        """The four numbers with commas, as the user writes them."""
        return ",".join(f"{number:g}" for number in (self.x, self.y, self.width, self.height))


@dataclass(frozen=True)
class Mask:
    """A part of the frame that is blanked out: a rectangle or a polygon.

    Attributes:
        points: the corners, x and y of each, in order.
        shares: whether these are shares of the frame, 0 to 1; otherwise pixels.
    """

    points: tuple[tuple[float, float], ...]
    shares: bool


def parse_roi(text: str) -> Roi:
    """Reads ``x,y,width,height``: shares of the frame if none is above 1, else pixels.

    Raises:
        AreaError: the text is something else.
    """
    numbers = _numbers(text)
    if numbers is None or len(numbers) != _RECTANGLE:
        raise AreaError(
            f"{text!r} is not a region", "give x,y,width,height in pixels, or in shares such as 0.5,0,0.5,1"
        )
    x, y, width, height = numbers
    if width <= 0 or height <= 0:
        raise AreaError(f"the region {text} has no area", "give x,y,width,height with a width and height above 0")
    shares = max(numbers) <= 1
    if shares and (x >= 1 or y >= 1):
        raise AreaError(f"the region {text} is outside of the frame", "its x and y must be below 1")
    return Roi(x, y, width, height, shares)


def parse_mask(text: str) -> Mask:
    """Reads ``x,y,width,height``, or the corners of a polygon as ``x,y,x,y,x,y``; in shares if none is above 1.

    Raises:
        AreaError: the text is something else.
    """
    numbers = _numbers(text)
    if numbers is None or not (
        len(numbers) == _RECTANGLE or (len(numbers) >= _SMALLEST_POLYGON and not len(numbers) % 2)
    ):
        raise AreaError(f"{text!r} is not a mask", "give x,y,width,height, or the corners of a polygon as x,y,x,y,x,y")
    shares = max(numbers) <= 1
    if len(numbers) == _RECTANGLE:
        x, y, width, height = numbers
        return Mask(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), shares)
    return Mask(tuple(zip(numbers[::2], numbers[1::2])), shares)


def _numbers(text: str) -> list[float] | None:
    """The numbers between commas; None unless all are finite and at least 0."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) and number >= 0 for number in numbers) else None
