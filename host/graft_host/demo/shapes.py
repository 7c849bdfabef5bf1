"""The parts in rendered photos as solids: nuts, screws and washers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graft_host.demo.noise import Array, chance

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


def draw_nut(rng: np.random.Generator) -> Shape:
    """Draws a hexagon nut of apothem 1: plain, flanged or with a locking collar."""
    bore, thick = rng.uniform(0.46, 0.6), rng.uniform(0.6, 0.95)
    depth, turns = rng.uniform(0.11, 0.15), int(rng.integers(3, 5))
    kind = rng.choice(["plain", "flange", "collar"], p=[0.6, 0.2, 0.2])
    collar = 0.86

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r = np.hypot(u, v)
        body = np.minimum(thick - 0.6 * np.maximum(r - 0.94, 0), WALL * (1 - _hexagon(u, v)))
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


def draw_screw(rng: np.random.Generator) -> Shape:
    """Draws a screw of shaft radius 1: mostly on its side, sometimes driven in and seen from above."""
    return _driven_screw(rng) if chance(rng, 0.15) else _lying_screw(rng)


@dataclass(frozen=True, kw_only=True)
class _Screw:
    """A screw on its side along u, measured in shaft radii from the outer face of its head.

    Attributes:
        head: ``pan``, ``countersunk``, ``socket`` or ``hex``.
        wood: whether it is a wood screw, with a point and a coarse, sharp thread.
        head_radius: radius of the head's rim.
        head_height: height of the head, where the shaft begins.
        shank: distance at which the thread begins.
        length: distance of the end of the tip.
        pitch: pitch of the thread.
    """

    head: str
    wood: bool
    head_radius: float
    head_height: float
    shank: float
    length: float
    pitch: float

    def solid(self, u: Array, v: Array) -> tuple[Array, Array]:
        along = u + self.length / 2
        in_head = along < self.head_height
        radius: Array = np.where(in_head, self._head_radii(along), self._shaft_radii(along, v))
        radius = radius * np.float32((along > 0) & (along < self.length))
        half: Array = np.sqrt(np.maximum(radius * radius - v * v, 0))
        if self.head == "hex":
            prism = np.minimum(radius, 2 * radius - math.sqrt(3) * np.abs(v))
            half = np.where(in_head, np.maximum(prism, 0), half)
        elif self.head != "socket":
            deep, wide = 0.35 * self.head_height, 0.4
            half = np.where((along < deep) & (np.abs(v) < wide / 2), 0, half)
        # The screw rests on the rim of its head and on its tip.
        axis = 1 + (self.head_radius - 1) * (1 - along / self.length)
        lower, upper = (np.where(half > 0, side, 0).astype(np.float32) for side in (axis - half, axis + half))
        return lower, upper

    def _head_radii(self, along: Array) -> Array:
        part = along / self.head_height
        if self.head == "countersunk":
            radius = self.head_radius - (self.head_radius - 0.95) * np.clip((part - 0.12) / 0.88, 0, 1)
        elif self.head == "pan":
            radius = self.head_radius * (0.45 + 0.55 * rim(part, 0.8))
        else:
            radius = self.head_radius * (0.82 + 0.06 * rim(along, 0.12))
        return radius

    def _shaft_radii(self, along: Array, v: Array) -> Array:
        # On the upper half of a cylinder the helix makes half a turn.
        turns = along / self.pitch + np.arcsin(np.clip(v, -1, 1)) / (2 * math.pi)
        groove = np.abs(2 * (turns - np.floor(turns)) - 1)
        to_tip = self.length - along
        thread: Array = 1 - (0.34 * np.sqrt(groove) if self.wood else 0.2 * groove)
        taper: Array = np.clip(to_tip / 2.4, 0, 1) if self.wood else 0.7 + 0.3 * np.clip(to_tip / 0.35, 0, 1)
        radius: Array = np.where(along > self.shank, thread, 0.9) * taper
        return radius


def _lying_screw(rng: np.random.Generator) -> Shape:
    wood = chance(rng, 0.4)
    heads = ["pan", "countersunk", "socket", "hex"]
    head = str(rng.choice(heads[:3] if wood else heads))
    radius, height = rng.uniform(1.7, 2.05), rng.uniform(1.1, 1.6)
    length, pitch = height + rng.uniform(6, 10), rng.uniform(0.75, 1) if wood else rng.uniform(0.42, 0.55)
    shank = height + (rng.uniform(0.2, 3) if chance(rng, 0.5) else 0.1)
    screw = _Screw(
        head=head, wood=wood, head_radius=radius, head_height=height, shank=shank, length=length, pitch=pitch
    )
    return Shape(screw.solid, length / 2 + 0.05, 1.05 * radius, 2 * radius)


def _driven_screw(rng: np.random.Generator) -> Shape:
    drive = rng.choice(["slot", "cross", "socket"])
    flat, tall, width = chance(rng, 0.4), rng.uniform(0.3, 0.55), rng.uniform(0.09, 0.14)

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r: Array = np.hypot(u, v)
        dome = rim(1 - r, 0.12) if flat else 0.6 * rim(1 - r, 1.0) + 0.4 * rim(1 - r, 0.1)
        if drive == "socket":
            inside = 0.5 - _hexagon(u, v)
        elif drive == "cross":
            inside = np.minimum(width - np.minimum(np.abs(u), np.abs(v)), 0.6 - r)
        else:
            inside = width - np.abs(v)
        # Even the bottom of a slot is metal.
        return lying(np.maximum(tall * dome - np.clip(6 * inside, 0, 0.85 * tall), np.where(r < 1, 0.05, 0)))

    return Shape(solid, 1.02, 1.02, tall)


def lying(top: Array) -> tuple[Array, Array]:
    """Returns the heights of underside and top of something that lies flat on the bench."""
    upper: Array = np.maximum(top, 0).astype(np.float32)
    return np.zeros_like(upper), upper


def _hexagon(u: Array, v: Array) -> Array:
    a, b = u / 2, v * math.sqrt(0.75)
    distance: Array = np.maximum(np.abs(u), np.maximum(np.abs(a + b), np.abs(a - b)))
    return distance


def rim(inside: Array, width: float) -> Array:
    """Rises along a quarter circle, from 0 at the edge to 1 at ``width`` inside it."""
    left = 1 - np.clip(inside / width, 0, 1)
    height: Array = np.sqrt(1 - left * left)
    return height
