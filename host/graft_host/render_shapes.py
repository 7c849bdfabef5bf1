"""Nuts, screws and washers as solids, each seen from above on a flat bench."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Solid = Callable[[Array, Array], tuple[Array, Array]]

# Rise over run of a wall. Upright walls would leave no slope from which to take a normal.
_WALL = 9.0


@dataclass(frozen=True)
class Shape:
    """One part in its own units, centred on the origin and lying on the bench at height 0.

    Attributes:
        solid: Maps float32 coordinates to the heights of the underside and of the top; a top of 0 means no metal there.
        half_u: Half the extent along u.
        half_v: Half the extent along v.
        top: The greatest height.
    """

    solid: Solid
    half_u: float
    half_v: float
    top: float

    def area(self) -> float:
        """Returns the footprint in square units, measured on a coarse grid."""
        u, v = np.meshgrid(
            np.linspace(-self.half_u, self.half_u, 64, dtype=np.float32),
            np.linspace(-self.half_v, self.half_v, 64, dtype=np.float32),
        )
        covered = float(np.mean(self.solid(u, v)[1] > 0))
        return 4 * self.half_u * self.half_v * covered


def draw_nut(rng: np.random.Generator) -> Shape:
    """Draws a hexagon nut of apothem 1: plain, flanged or with a locking collar."""
    bore, thick = rng.uniform(0.46, 0.6), rng.uniform(0.6, 0.95)
    depth, turns = rng.uniform(0.09, 0.13), rng.integers(3, 6)
    kind = rng.choice(["plain", "flange", "collar"], p=[0.6, 0.2, 0.2])

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r = np.hypot(u, v)
        body = np.minimum(thick - 0.6 * np.maximum(r - 0.94, 0), _WALL * (1 - _hexagon(u, v)))
        if kind == "flange":
            body = np.maximum(body, np.minimum(0.3 - 0.35 * (r - 1), _WALL * (1.42 - r)))
        elif kind == "collar":
            body = np.maximum(body, thick + 0.28 * _rim(0.86 - r, 0.16) - np.float32(r > 0.86) * 9)
        # The thread shows as rings on the way down, below a countersink.
        into = (r - bore) / depth
        hole = thick * (into + 0.1 * np.sin(2 * np.pi * turns * np.clip(into, 0, 1)))
        sink = thick * 0.86 + 0.9 * (r - bore - depth)
        return _lying(np.minimum(body, np.where(into < 1, hole, sink)))

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
            rise = 0.1 * (1 + angle / np.pi)
            inside = np.minimum(inside, np.pi * r - np.abs(angle) * r - 0.07)
        top = np.where(inside > 0, (thick + rise) * (0.35 + 0.65 * _rim(inside, edge)), 0)
        return _lying(top)

    return Shape(solid, 1.02, 1.02, thick + 0.22)


def draw_screw(rng: np.random.Generator) -> Shape:
    """Draws a screw of shaft radius 1: mostly on its side, sometimes driven in and seen from above."""
    return _driven_screw(rng) if rng.random() < 0.15 else _lying_screw(rng)


def _lying_screw(rng: np.random.Generator) -> Shape:
    wood = rng.random() < 0.4
    kind = rng.choice(["pan", "countersunk", "socket"] if wood else ["pan", "countersunk", "socket", "hex"])
    head_r, head_h = rng.uniform(1.7, 2.05), rng.uniform(1.1, 1.6)
    length = head_h + rng.uniform(6, 10)
    pitch, depth = (rng.uniform(0.75, 1.0), 0.34) if wood else (rng.uniform(0.42, 0.55), 0.2)
    shank = head_h + (rng.uniform(0.2, 3) if rng.random() < 0.5 else 0.1)
    point = rng.uniform(2, 2.8) if wood else 0.35
    slotted = kind == "pan" or kind == "countersunk"

    def radius(s: Array, v: Array) -> Array:
        phase = s / pitch + np.arcsin(np.clip(v, -1, 1)) / (2 * np.pi)
        groove = np.abs(2 * (phase - np.floor(phase)) - 1)
        taper = np.clip((length - s) / point, 0, 1) * (1 if wood else 0.3) + (0 if wood else 0.7)
        shaft = np.where(s > shank, 1 - depth * (groove if not wood else np.sqrt(groove)), 0.9) * taper
        along = np.clip(s / head_h, 0, 1)
        if kind == "countersunk":
            head = head_r - (head_r - 0.95) * np.clip((along - 0.12) / 0.88, 0, 1)
        elif kind == "pan":
            head = head_r * (0.45 + 0.55 * _rim(along, 0.8))
        else:
            head = head_r * 0.88 * (0.93 + 0.07 * _rim(s, 0.12))
        radii: Array = np.where((s < head_h) & (s > 0), head, np.where((s >= head_h) & (s < length), shaft, 0))
        return radii

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        s = u + length / 2
        r = radius(s, v)
        if kind == "hex":
            prism = np.minimum(r, 2 * r - np.sqrt(3) * np.abs(v))
        half = np.sqrt(np.maximum(r * r - v * v, 0))
        if kind == "hex":
            half = np.where(s < head_h, np.maximum(prism, 0), half)
        if slotted:
            half = np.where((s < 0.35 * head_h) & (np.abs(v) < 0.2), 0, half)
        # It rests on the head's rim and on its tip.
        axis = 1.0 + (head_r - 1.0) * np.clip(1 - s / length, 0, 1)
        there = half > 0
        return np.where(there, axis - half, 0).astype(np.float32), np.where(there, axis + half, 0).astype(np.float32)

    return Shape(solid, length / 2 + 0.05, head_r * 1.05, 2 * head_r)


def _driven_screw(rng: np.random.Generator) -> Shape:
    drive = rng.choice(["slot", "cross", "socket"])
    flat, tall, width = rng.random() < 0.4, rng.uniform(0.3, 0.55), rng.uniform(0.09, 0.14)

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r = np.hypot(u, v)
        top = tall * (_rim(1 - r, 0.12) if flat else np.sqrt(np.maximum(1 - r * r, 0)) * 0.6 + 0.4 * _rim(1 - r, 0.1))
        if drive == "socket":
            inside = 0.5 - _hexagon(u, v)
        else:
            inside = width - np.abs(v)
            if drive == "cross":
                inside = np.minimum(np.maximum(inside, width - np.abs(u)), 0.6 - r)
        return _lying(np.maximum(top - np.clip(4 * inside, 0, 0.6 * tall), 0.05 * (r < 1)))

    return Shape(solid, 1.02, 1.02, tall)


def _lying(top: Array) -> tuple[Array, Array]:
    upper: Array = np.maximum(top, 0).astype(np.float32)
    return np.zeros_like(upper), upper


def _hexagon(u: Array, v: Array) -> Array:
    a, b = u / 2, v * np.float32(np.sqrt(0.75))
    distance: Array = np.maximum(np.abs(u), np.maximum(np.abs(a + b), np.abs(a - b)))
    return distance


def _rim(inside: Array, width: float) -> Array:
    """Rises as a quarter circle from 0 at the edge to 1 at `width` inside it."""
    left = 1 - np.clip(inside / width, 0, 1)
    height: Array = np.sqrt(1 - left * left)
    return height
