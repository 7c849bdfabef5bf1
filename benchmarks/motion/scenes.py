"""Generated views of a still camera: rooms, sensor noise, light that changes, and things that move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

_PIECES = 40
_BANKS = 64  # pixels by which a field of noise can be moved


def smooth(rng: np.random.Generator, size: tuple[int, int], cells: int) -> Plane:
    """Smooth noise ``[H,W]`` of some cells across, with a mean of 0 and a standard deviation of about 1."""
    width, height = size
    rows = max(2, cells * height // width)
    grid = rng.standard_normal((rows, max(2, cells)), np.float32)
    return np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC), np.float32)


def room(rng: np.random.Generator, size: tuple[int, int], kind: str) -> Plane:
    """A view without anything that moves.

    Args:
        rng: makes every choice.
        size: width and height in pixels.
        kind: ``flat``, ``gradient``, ``textured``, or ``furnished`` for a room of many edges.

    Returns:
        ``[H,W,3]``, levels 0 to 255.
    """
    width, height = size
    tone = np.full((height, width), rng.uniform(60, 160), np.float32)
    if kind == "gradient":
        x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        turn = rng.uniform(0, 2 * math.pi)
        tone += (rng.uniform(20, 60) * (math.cos(turn) * x + math.sin(turn) * y)).astype(np.float32)
    if kind in {"textured", "furnished"}:
        for cells in (4, 13, 40, width // 4):
            tone += rng.uniform(4, 14) * smooth(rng, size, cells)
    if kind == "furnished":
        for _ in range(_PIECES):
            left, upper = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
            right, lower = left + rng.uniform(0.02, 0.3) * width, upper + rng.uniform(0.02, 0.3) * height
            part = np.s_[max(int(upper), 0) : max(int(lower), 0), max(int(left), 0) : max(int(right), 0)]
            tone[part] = 0.3 * tone[part] + 0.7 * rng.uniform(15, 235)
    tint = rng.uniform(0.8, 1.1, 3).astype(np.float32)
    return np.clip(tone, 2, 250)[..., None] * tint


class Sensor:
    """Turns light into the pixels of a cheap camera: noise that neighbouring pixels share, and rounding."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], sigma: float) -> None:
        """Creates a sensor with noise of ``sigma`` levels."""
        self._rng, self._size = rng, size
        width, height = size
        field = rng.standard_normal((height + _BANKS + 1, width + _BANKS + 1), np.float32)
        field = field[1:, 1:] + 0.4 * (field[:-1, 1:] + field[1:, :-1])
        self._field = field * np.float32(sigma / field.std())

    def __call__(self, view: Plane) -> Pixels:
        """The frame ``[H,W,3]`` of a view ``[H,W,3]``."""
        width, height = self._size
        y, x = self._rng.integers(0, _BANKS, 2)
        noise = self._field[y : y + height, x : x + width]
        if self._rng.integers(2):
            noise = -noise[::-1]
        if self._rng.integers(2):
            noise = noise[:, ::-1]
        return np.clip(view + noise[..., None] + 0.5, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Thing:
    """Something that moves.

    Attributes:
        patch: its pixels ``[h,w,3]``, levels 0 to 255.
        opacity: ``[h,w]``, 0 to 1.
    """

    patch: Plane
    opacity: Plane

    def on(self, view: Plane, x: float, y: float) -> Plane:
        """A copy of the view ``[H,W,3]`` with the thing at the pixel of its upper left corner."""
        height, width = view.shape[:2]
        left, upper = round(x), round(y)
        rows, columns = self.opacity.shape
        to = np.s_[max(upper, 0) : max(min(upper + rows, height), 0), max(left, 0) : max(min(left + columns, width), 0)]
        part = np.s_[
            max(-upper, 0) : max(-upper, 0) + max(to[0].stop - to[0].start, 0),
            max(-left, 0) : max(-left, 0) + max(to[1].stop - to[1].start, 0),
        ]
        shown, cover = view.copy(), self.opacity[part][..., None]
        shown[to] += cover * (self.patch[part] - shown[to])
        return shown


def thing(rng: np.random.Generator, view: Plane, side: int, contrast: float, kind: str) -> Thing:
    """Something of another brightness than the view has on average.

    Args:
        rng: makes every choice.
        view: ``[H,W,3]``.
        side: its width and height in pixels.
        contrast: the levels by which it is lighter, or darker if negative.
        kind: ``flat`` for a rectangle, ``round`` for a disc, ``textured`` for a disc with a pattern.
    """
    level = np.clip(view.mean(axis=(0, 1)) + contrast, 0, 255).astype(np.float32)
    patch = np.broadcast_to(level, (side, side, 3)).copy()
    if kind == "textured":
        patch += (0.5 * abs(contrast) * smooth(rng, (side, side), 5))[..., None]
    opacity = np.ones((side, side), np.float32)
    if kind != "flat":
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        opacity = np.clip(side / 2 - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)
    return Thing(np.clip(patch, 0, 255), opacity)
