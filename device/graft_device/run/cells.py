"""Small grey pictures for the motion gate: their making, and what is computed around each of their cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Cells = NDArray[np.float32]
"""A small grey picture ``[h,w]``, levels 0 to 255."""

REACH = 4
"""Cells to each side of a cell that are looked at together with it."""

_SQUARE = 3  # rows and columns of them
_ALONG = 80  # cells along the longer side of a large frame
_SMALLEST = 4  # pixels along a cell of a small frame; fewer average less noise
_ROWS = 8  # of pixels in a cell that are read at least, if it has as many
TOGETHER = 4
"""Cells among the nine around one, itself included, that make it more than a grain of noise."""


def shrink(pixels: NDArray[np.uint8]) -> Cells:
    """The small grey picture of a frame: the mean of each square of its pixels, of all colours alike.

    Args:
        pixels: RGB ``[H,W,3]`` or grey ``[H,W]``, uint8.
    """
    height, width = pixels.shape[:2]
    colours = pixels.size // (height * width)
    side = min(max(_SMALLEST, -(-max(height, width) // _ALONG)), max(1, min(height, width) // 4))
    step = max(1, side // _ROWS)
    rows = np.ascontiguousarray(pixels[::step])
    # The colours of a pixel are neighbours in memory, so Pillow can average them like pixels, and nothing is copied.
    flat = Image.frombuffer("L", (width * colours, len(rows)), rows, "raw", "L", 0, 1)
    return np.asarray(flat.reduce((side * colours, side // step)), np.float32)


class Boxes:
    """Means over the squares around each cell, of the background and a picture at the same time."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """Prepares for pictures of a shape."""
        height, width = shape
        self._padded = np.zeros((4, height + 2 * REACH, width + 2 * REACH), np.float32)
        self._padded[0, REACH:-REACH, REACH:-REACH] = 1
        self._share: Cells = 1 / _box_sums(self._padded[:1])[0]

    def __call__(self, background: Cells, cells: Cells) -> tuple[Cells, Cells, Cells, Cells]:
        """The means of the background, of the picture, of the background's square, and of their product."""
        inside = self._padded[:, REACH:-REACH, REACH:-REACH]
        inside[0], inside[1] = background, cells
        np.multiply(background, background, out=inside[2])
        np.multiply(background, cells, out=inside[3])
        first, second, square, product = _box_sums(self._padded) * self._share
        return first, second, square, product


def line_between(before: Cells, after: Cells) -> tuple[float, float]:
    """Gain and offset that turn one picture into another, except where things moved.

    Args:
        before: the picture that is turned.
        after: the picture that it becomes.

    Returns:
        The straight line of least squares, through the cells whose change is near the median change.
    """
    change = (after - before).ravel()
    away = np.abs(change - median(change))
    near = away <= 3 * median(away) + 1
    x, y = before.ravel()[near], after.ravel()[near]
    mean_x, mean_y = float(x.mean()), float(y.mean())
    x -= mean_x
    strength = float((x * x).sum())
    gain = float((x * (y - mean_y)).sum()) / strength if strength > len(x) else 1.0
    gain = min(max(gain, 0.25), 4.0)
    return gain, mean_y - gain * mean_x


def spread(values: Cells) -> float:
    """The standard deviation of noise, which larger values in a minority of the cells do not change.

    It is the median of the absolute values, divided by that of a normal distribution.
    """
    return 1.4826 * median(np.abs(values).ravel())


def median(values: NDArray[np.float32]) -> float:
    """The median of ``[n]``; the upper one of two."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def edges(cells: Cells) -> Cells:
    """The largest minus the smallest level among each cell and its four neighbours."""
    high, low = cells.copy(), cells.copy()
    for here, beside in _NEIGHBOURS:
        np.maximum(high[here], cells[beside], out=high[here])
        np.minimum(low[here], cells[beside], out=low[here])
    high -= low
    return high


def largest_near(cells: Cells, steps: tuple[int, ...]) -> Cells:
    """The largest value near each cell: each step looks so many cells further to all sides, and at none between."""
    found = cells
    for step in steps:
        wider = found.copy()
        np.maximum(wider[step:], found[:-step], out=wider[step:])
        np.maximum(wider[:-step], found[step:], out=wider[:-step])
        found = wider.copy()
        np.maximum(found[:, step:], wider[:, :-step], out=found[:, step:])
        np.maximum(found[:, :-step], wider[:, step:], out=found[:, :-step])
    return found


def together(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marked cells with three others beside them, so that a few grains and drops do not add up."""
    if min(marked.shape) < _SQUARE or not marked.any():
        return marked
    padded = np.zeros((marked.shape[0] + 2, marked.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = marked
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    many: NDArray[np.bool_] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] >= TOGETHER
    return marked & many


_NEIGHBOURS = (
    (np.s_[1:], np.s_[:-1]),
    (np.s_[:-1], np.s_[1:]),
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:, :-1], np.s_[:, 1:]),
)


def _box_sums(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sums over squares of ``2 * REACH + 1`` cells of planes that are ``2 * REACH`` wider."""
    down = _run_sums(planes.transpose(1, 0, 2)).transpose(1, 0, 2)
    return _run_sums(down.transpose(2, 0, 1)).transpose(1, 2, 0)


def _run_sums(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sums of ``2 * REACH + 1`` planes that follow each other, by way of sums of 2, 4 and 8 of them."""
    left, count = 2 * REACH + 1, len(planes) - 2 * REACH
    power, size, taken = planes, 1, 0
    total = np.zeros((count, *planes.shape[1:]), np.float32)
    while True:
        if left & size:
            total += power[taken : taken + count]
            taken += size
        if 2 * size > left:
            return total
        power = power[:-size] + power[size:]
        size *= 2
