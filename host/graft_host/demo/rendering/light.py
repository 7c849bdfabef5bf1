"""The light of a rendered photo: shadows, hollows, and reflections in metal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from graft_host.demo.rendering.shapes import Finish

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graft_host.demo.rendering.noise import Array
    from graft_host.demo.rendering.scene import Relief, Scene

_METALS = (
    Finish((0.86, 0.88, 0.90), 0.35),  # zinc
    Finish((0.72, 0.70, 0.68), 0.25),  # steel
    Finish((0.90, 0.74, 0.42), 0.2),  # brass
    Finish((0.84, 0.76, 0.55), 0.35),  # yellow zinc
    Finish((0.27, 0.27, 0.28), 0.4),  # black oxide
)


def reach_of_light(relief: Relief, scene: Scene, softness: float) -> tuple[Array, Array]:
    """Computes how much light reaches the lamp's shadow and hollows.

    Args:
        relief: the parts.
        scene: the camera and the lights.
        softness: blur of the shadow's edge, as a share of the photo's width.

    Returns:
        The light on the bench and on the metal at every second texel, 0 to 1.
    """
    lower, upper = relief.lower[::2, ::2] / 2, relief.upper[::2, ::2] / 2
    peak, (high, wide) = float(upper.max()), upper.shape
    steps = int(min(max(peak / 2, 6), 40))
    dark = np.zeros((high, wide), bool)
    for step in range(1, steps + 1):
        climb = peak * step / steps
        dx, dy = (round(climb * float(axis / scene.lamp[2])) for axis in scene.lamp[:2])
        here = (slice(max(-dy, 0), high - max(dy, 0)), slice(max(-dx, 0), wide - max(dx, 0)))
        there = (slice(max(dy, 0), high - max(-dy, 0)), slice(max(dx, 0), wide - max(-dx, 0)))
        ray = upper[here] + climb
        dark[here] |= (upper[there] > ray) & (lower[there] <= ray)
    relative = upper / max(peak, 1)
    around = _blur(relative, 0.03 * wide)

    def mix(shadow: NDArray[np.bool_], hollow: Array) -> Array:
        lit: Array = scene.key * (1 - _blur(shadow, softness * wide))
        return lit + (1 - scene.key) * (1 - np.clip(1.5 * hollow, 0, 0.8))

    # A tilted camera sees a little of the bench under the parts, which no lamp reaches.
    return mix(dark | (upper > 0), around), mix(dark, around - relative)


def normals(upper: Array, texels: NDArray[np.int64]) -> Array:
    """Computes upward normals at some texels, ``[3, points]``, scaled to a height of 1."""
    wide, flat = upper.shape[1], upper.ravel()
    column = texels % wide
    normal = np.zeros((3, len(texels)), np.float32)
    # Two distances, because the neighbours alone make walls jagged.
    for step in (1, 2):
        left, right = np.maximum(column - step, 0), np.minimum(column + step, wide - 1)
        normal[0] += flat[texels - column + left] - flat[texels - column + right]
        normal[1] += flat.take(texels - step * wide, mode="clip") - flat.take(texels + step * wide, mode="clip")
    normal /= 6
    normal[2] = 1
    return normal


def shade(
    normal: Array, reach: Array, scene: Scene, around: Array, rng: np.random.Generator, finish: Finish | None = None
) -> Array:
    """Computes the colour of an object's surface.

    Args:
        normal: unit normals, ``[3, points]``.
        reach: how much light reaches each point, ``[points]``.
        scene: the camera and the lights.
        around: the mean colour of the bench, ``[3]``, which slopes reflect.
        rng: chooses the metal and the reflected room.
        finish: of the surface; None for a random metal.

    Returns:
        Linear light, ``[3, points]``.
    """
    metal = _METALS[rng.integers(len(_METALS))]
    tint, scatter = (finish.tint, finish.scatter) if finish else (metal.tint, metal.scatter)
    view = np.array([0, math.sin(scene.tilt), math.cos(scene.tilt)], np.float32)
    mirror = 2 * (view @ normal) * normal - view[:, None]
    gloss = rng.uniform(0.5, 1.0)
    clutter = np.sin(rng.uniform(-6, 6, 3).astype(np.float32) @ mirror + rng.uniform(0, 6))
    room = np.maximum(0.35 + 0.2 * mirror[2] + 0.16 * clutter, 0.05)
    lamp = np.clip((scene.lamp @ mirror - (1 - 0.35 * gloss)) / (0.3 * gloss), 0, 1)
    window = np.clip((scene.window @ mirror - 0.6) / 0.3, 0, 1)
    mirrored = room + 2.4 * scene.key * lamp * lamp + 0.7 * window
    below = np.clip(0.25 - mirror[2], 0, 1)
    spread = scene.key * np.maximum(scene.lamp @ normal, 0) / scene.lamp[2] + (1 - scene.key)
    seen = mirrored * (1 - below) + below * around[:, None]
    colour: Array = np.array(tint, np.float32)[:, None] ** 2 * ((1 - scatter) * seen + scatter * spread)
    return colour * (0.2 + 0.8 * reach)


def _blur(field: Array | NDArray[np.bool_], radius: float) -> Array:
    """Blurs values from 0 to 1; a wide blur is computed on a smaller copy."""
    image, shrink = Image.fromarray((field * np.float32(255)).astype(np.uint8)), max(int(radius / 2), 1)
    small = image.reduce(shrink).filter(ImageFilter.GaussianBlur(radius / shrink))
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR), np.float32) / 255
