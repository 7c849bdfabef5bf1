"""Nuts and washers as solids."""

from __future__ import annotations

import math

import numpy as np

from graft_host.demo.rendering.noise import Array
from graft_host.demo.rendering.shapes import WALL, Shape, hexagon, lying, rim


def draw_nut(rng: np.random.Generator) -> Shape:
    """Draws a hexagon nut of apothem 1: plain, flanged or with a locking collar."""
    bore, thick = rng.uniform(0.46, 0.6), rng.uniform(0.6, 0.95)
    depth, turns = rng.uniform(0.11, 0.15), int(rng.integers(3, 5))
    kind = rng.choice(["plain", "flange", "collar"], p=[0.6, 0.2, 0.2])
    collar = 0.86

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r = np.hypot(u, v)
        body = np.minimum(thick - 0.6 * np.maximum(r - 0.94, 0), WALL * (1 - hexagon(u, v)))
        if kind == "flange":
            body = np.maximum(body, np.minimum(0.3 - 0.35 * (r - 1), WALL * (1.42 - r)))
        elif kind == "collar":
            body = np.where(r < collar, np.maximum(body, thick + 0.28 * rim(collar - r, 0.16)), body)
        # The thread appears as rings on the way down, below a countersink.
        into = (r - bore) / depth
        hole = 0.8 * thick * (into - 0.32 * np.sin(2 * math.pi * turns * into) / turns)
        sink = thick * 0.86 + 0.9 * (r - bore - depth)
        return lying(np.minimum(body, np.where(into < 1, hole, sink)))

    reach = 1.45 if kind == "flange" else 1.17
    return Shape(solid, reach, reach, thick + 0.3)


def draw_washer(rng: np.random.Generator) -> Shape:
    """Draws a washer of outer radius 1: plain, split (spring) or toothed."""
    kind = rng.choice(["plain", "split", "toothed"], p=[0.66, 0.2, 0.14])
    bore = rng.uniform(0.6, 0.68) if kind == "split" else rng.uniform(0.32, 0.6)
    thick = rng.uniform(0.2, 0.28) if kind == "split" else rng.uniform(0.09, 0.16)
    edge, teeth = rng.uniform(0.03, 0.08), int(rng.integers(9, 15))

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r, angle = np.hypot(u, v), np.arctan2(v, u)
        outer, rise = np.ones_like(r), np.zeros_like(r)
        if kind == "toothed":
            wave = np.sin(teeth * angle)
            outer = 0.88 + 0.12 * np.tanh(4 * wave)
            rise = 0.5 * np.cos(teeth * angle) * np.maximum(r - 0.72, 0)
        inside = np.minimum(outer - r, r - bore)
        if kind == "split":
            rise = 0.1 * (1 + angle / math.pi)
            inside = np.minimum(inside, math.pi * r - np.abs(angle) * r - 0.07)
        top = np.where(inside > 0, (thick + rise) * (0.35 + 0.65 * rim(inside, edge)), 0)
        return lying(top)

    return Shape(solid, 1.02, 1.02, thick + 0.22)
