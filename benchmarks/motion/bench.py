"""A bench under a still camera, on which rendered parts come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.motion.scenes import Plane
from graft_host.demo.rendering.render import PARTS, render_alone

NOTHING = "nothing"
LABELS = (NOTHING, *PARTS)
SIZE = (640, 480)

_SQUARE = 480
_EACH = 12  # renders of each part
_PLACE = 7  # of the renderer: one bench, camera and light
_DIFFERENT = 14  # levels


@dataclass(frozen=True)
class Part:
    """A part where it was rendered, with its shadow.

    Attributes:
        label: its name.
        pixels: ``[480,480,3]``, levels 0 to 255.
        cover: how much of the bench it covers, ``[480,480]``, 0 to 1.
    """

    label: str
    pixels: Plane
    cover: Plane


@dataclass(frozen=True)
class Bench:
    """The bare bench ``[480,640,3]``, and parts to put on it."""

    bare: Plane
    parts: tuple[Part, ...]

    def with_part(self, part: Part, shift: float) -> Plane:
        """The bench with a part that is so many pixels to the right of where it was rendered."""
        left = (SIZE[0] - _SQUARE) // 2 + round(shift)
        start, end = max(left, 0), min(left + _SQUARE, SIZE[0])
        if start >= end:
            return self.bare
        from_, to = np.s_[:, start - left : end - left], np.s_[:, start:end]
        view = self.bare.copy()
        view[to] += part.cover[from_][..., None] * (part.pixels[from_] - view[to])
        return view


def render_bench(seed: int) -> Bench:
    """Renders parts on one bench; the median of these photos is the bare bench.

    Args:
        seed: of the parts. The bench is always the same.
    """
    photos = [
        (label, np.asarray(render_alone(label, np.random.default_rng((seed, index, number)), _SQUARE, _PLACE)))
        for index, label in enumerate(PARTS)
        for number in range(_EACH)
    ]
    square = np.median([pixels for _, pixels in photos], axis=0).astype(np.float32)
    margin = (SIZE[0] - _SQUARE) // 2
    bare = np.pad(square, ((0, 0), (margin, margin), (0, 0)), "reflect")
    return Bench(bare, tuple(_part(label, pixels, square) for label, pixels in photos))


def _part(label: str, pixels: Plane, square: Plane) -> Part:
    differs = np.abs(pixels - square).max(axis=2) > _DIFFERENT
    mask = Image.fromarray((differs * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(5))
    cover = np.asarray(mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(1.5)), np.float32) / 255
    return Part(label, pixels.astype(np.float32), cover)
