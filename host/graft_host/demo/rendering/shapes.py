"""Objects in rendered photos as solids, and curves that several of them have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graft_host.demo.rendering.noise import Array

Solid = Callable[[Array, Array], tuple[Array, Array]]

# Rise over run of a wall. A vertical wall would have no slope from which to compute a normal.
WALL = 9.0


@dataclass(frozen=True)
class Finish:
    """What the surface of an object does to light.

    Attributes:
        tint: the share of red, green and blue that it sends back, each the square root of that share in linear light.
        scatter: the share of the light that it scatters instead of reflecting.
    """

    tint: tuple[float, float, float]
    scatter: float


@dataclass(frozen=True)
class Shape:
    """An object in its own units, centred on the origin, on a bench at height 0.

    Attributes:
        solid: maps coordinates u and v to the heights of underside and top; where the top is 0, there is no metal.
        half_u: half the extent along u.
        half_v: half the extent along v.
        top: the greatest height, or slightly more.
        finish: of its surface; None for a metal that the light chooses.
    """

    solid: Solid
    half_u: float
    half_v: float
    top: float
    finish: Finish | None = None

    def area(self) -> float:
        """Returns the area of the footprint in square units, measured on a coarse grid."""
        u, v = np.meshgrid(
            np.linspace(-self.half_u, self.half_u, 64, dtype=np.float32),
            np.linspace(-self.half_v, self.half_v, 64, dtype=np.float32),
        )
        covered = float(np.mean(self.solid(u, v)[1] > 0))
        return 4 * self.half_u * self.half_v * covered


def lying(top: Array) -> tuple[Array, Array]:
    """Returns the heights of underside and top of something that lies flat on the bench."""
    upper: Array = np.maximum(top, 0).astype(np.float32)
    return np.zeros_like(upper), upper


def rim(inside: Array, width: float) -> Array:
    """Rises along a quarter circle, from 0 at the edge to 1 at ``width`` inside it."""
    left = 1 - np.clip(inside / width, 0, 1)
    height: Array = np.sqrt(1 - left * left)
    return height


def hexagon(u: Array, v: Array) -> Array:
    """The distance from the centre, in apothems: 1 along the sides of a hexagon of apothem 1."""
    a, b = u / 2, v * math.sqrt(0.75)
    distance: Array = np.maximum(np.abs(u), np.maximum(np.abs(a + b), np.abs(a - b)))
    return distance
