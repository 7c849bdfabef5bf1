"""The scene of a rendered photo: camera, lights, and the arrangement of parts on the bench."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from graft_host.demo.rendering.noise import Array
    from graft_host.demo.rendering.shapes import Shape

_FILL = (0.2, 0.36)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The position of the camera and the lights.

    Attributes:
        size: width and height of the photo in pixels.
        tilt: angle of the camera from straight above, in radians.
        lamp: unit vector to the lamp: x right, y down the photo, z up from the bench.
        window: unit vector to a weaker light that casts no shadow.
        key: the lamp's share of the light on the bench; the rest comes from the room.
    """

    size: int
    tilt: float
    lamp: Array
    window: Array
    key: float


@dataclass(frozen=True)
class Relief:
    """The parts on the bench, on a grid of texels twice as fine as the photo.

    The grid has more rows than the photo needs, because parts just below its edge reach into it.

    Attributes:
        lower: heights of the undersides, in texels.
        upper: heights of the tops, in texels; 0 where the bench is bare.
    """

    lower: Array
    upper: Array


def draw_scene(rng: np.random.Generator, size: int) -> Scene:
    """Places camera and lights at random, for a photo ``size`` pixels wide."""

    def direction(low: float, high: float) -> Array:
        azimuth, elevation = rng.uniform(0, 2 * math.pi), rng.uniform(low, high)
        flat = math.cos(elevation)
        return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)], np.float32)

    tilt, key = rng.uniform(0.05, 0.6), rng.uniform(0.35, 0.75)
    return Scene(size=size, tilt=tilt, lamp=direction(0.6, 1.15), window=direction(0.3, 1.3), key=key)


def arrange(shape: Shape, rng: np.random.Generator, scene: Scene, fill: tuple[float, float] | None = None) -> Relief:
    """Places one part, or a few of the same kind, on the bench.

    Args:
        shape: the part.
        rng: chooses number, size, places and angles.
        scene: the camera.
        fill: for a single part that the photo shows as a whole, the least and the largest side of a square with its
            area, as a share of the photo's side. None for one to three parts, some of them cut off by an edge.
    """
    wide = 2 * scene.size
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.18, 0.12])) if fill is None else 1
    # Scaled by area, so that every class covers the same share of the photo.
    scale = wide * rng.uniform(*(fill or _FILL)) / count**0.35 / math.sqrt(shape.area())
    rows = wide + int(shape.top * scale * math.sin(scene.tilt)) + 2
    relief = Relief(np.zeros((rows, wide), np.float32), np.zeros((rows, wide), np.float32))
    inset = float(rng.choice([1, 0.3], p=[0.8, 0.2])) if fill is None else 1.0
    for _ in range(3 * count):
        count -= _place(relief, shape, scale, inset, rng, scene)
        if count == 0:
            break
    return relief


def _place(relief: Relief, shape: Shape, scale: float, inset: float, rng: np.random.Generator, scene: Scene) -> bool:
    """Adds a part at a random place unless it would overlap another.

    Args:
        relief: the relief that the part is added to.
        shape: the part.
        scale: texels per unit of the shape.
        inset: the smallest distance of the part's centre from the photo's edges, as a share of the part's reach.
        rng: chooses place and angle.
        scene: the camera.

    Returns:
        Whether the part was added.
    """
    wide, flat, turn = 2 * scene.size, math.cos(scene.tilt), rng.uniform(0, 2 * math.pi)
    cos, sin = math.cos(turn), math.sin(turn)
    reach_x = scale * (abs(cos) * shape.half_u + abs(sin) * shape.half_v)
    reach_y = scale * (abs(sin) * shape.half_u + abs(cos) * shape.half_v) * flat
    edges = (min(inset * reach, wide / 2) for reach in (reach_x, reach_y))
    x, y = (rng.uniform(edge, wide - edge) for edge in edges)
    rows = slice(max(int(y - reach_y), 0), int(y + reach_y) + 2)
    columns = slice(max(int(x - reach_x), 0), int(x + reach_x) + 2)
    upper, lower = relief.upper[rows, columns], relief.lower[rows, columns]
    across = (np.arange(upper.shape[1], dtype=np.float32) + (columns.start - x)) / scale
    down = (np.arange(upper.shape[0], dtype=np.float32)[:, None] + (rows.start - y)) / (scale * flat)
    low, high = shape.solid(cos * across + sin * down, cos * down - sin * across)
    if np.any((upper > 0) & (high > 0)):
        return False
    np.copyto(upper, high * scale, where=high > 0)
    np.copyto(lower, low * scale, where=high > 0)
    return True
