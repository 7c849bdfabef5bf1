"""What the rendered photos show: nuts, screws and washers as solids, and the benches that they lie on."""

# ruff: noqa: PLR2004  the numbers here are sizes and odds, and a name each would say no more

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Solid = Callable[[Array, Array], tuple[Array, Array]]

# Rise over run of a wall. Upright walls would leave no slope from which to take a normal.
_WALL = 9.0


@dataclass(frozen=True)
class Shape:
    """One part in its own units, centred on the origin and lying on the bench at height 0.

    Attributes:
        solid: maps coordinates u and v to the heights of underside and top; no metal where the top is 0.
        half_u: half the extent along u.
        half_v: half the extent along v.
        top: the greatest height, or a little more.
    """

    solid: Solid
    half_u: float
    half_v: float
    top: float

    def area(self) -> float:
        """The footprint in square units, measured on a coarse grid."""
        u, v = np.meshgrid(
            np.linspace(-self.half_u, self.half_u, 64, dtype=np.float32),
            np.linspace(-self.half_v, self.half_v, 64, dtype=np.float32),
        )
        covered = float(np.mean(self.solid(u, v)[1] > 0))
        return 4 * self.half_u * self.half_v * covered


@dataclass(frozen=True)
class Surface:
    """What a bench is made of.

    Attributes:
        draw: returns a tone of shape ``[n, n]``, about 0 (dark) to 1 (light).
        colours: pairs of the dark and the light colour as 0xRRGGBB, to choose from.
    """

    draw: Callable[[np.random.Generator, int], Array]
    colours: tuple[tuple[int, int], ...]


def draw_nut(rng: np.random.Generator) -> Shape:
    """A hexagon nut of apothem 1: plain, flanged or with a locking collar."""
    bore, thick = rng.uniform(0.46, 0.6), rng.uniform(0.6, 0.95)
    depth, turns = rng.uniform(0.11, 0.15), int(rng.integers(3, 5))
    kind = rng.choice(["plain", "flange", "collar"], p=[0.6, 0.2, 0.2])

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r = np.hypot(u, v)
        body = np.minimum(thick - 0.6 * np.maximum(r - 0.94, 0), _WALL * (1 - _hexagon(u, v)))
        if kind == "flange":
            body = np.maximum(body, np.minimum(0.3 - 0.35 * (r - 1), _WALL * (1.42 - r)))
        elif kind == "collar":
            body = np.where(r < 0.86, np.maximum(body, thick + 0.28 * _rim(0.86 - r, 0.16)), body)
        # The thread shows as rings on the way down, below a countersink.
        into = (r - bore) / depth
        hole = 0.8 * thick * (into - 0.32 * np.sin(2 * math.pi * turns * into) / turns)
        sink = thick * 0.86 + 0.9 * (r - bore - depth)
        return _lying(np.minimum(body, np.where(into < 1, hole, sink)))

    reach = 1.45 if kind == "flange" else 1.17
    return Shape(solid, reach, reach, thick + 0.3)


def draw_washer(rng: np.random.Generator) -> Shape:
    """A washer of outer radius 1: plain, split (spring) or toothed."""
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
        top = np.where(inside > 0, (thick + rise) * (0.35 + 0.65 * _rim(inside, edge)), 0)
        return _lying(top)

    return Shape(solid, 1.02, 1.02, thick + 0.22)


def draw_screw(rng: np.random.Generator) -> Shape:
    """A screw of shaft radius 1: mostly on its side, sometimes driven in and seen from above."""
    return _driven_screw(rng) if rng.random() < 0.15 else _lying_screw(rng)


@dataclass(frozen=True)
class _Screw:
    """A screw on its side along u, measured in shaft radii from the outer face of its head.

    Attributes:
        head: ``pan``, ``countersunk``, ``socket`` or ``hex``.
        wood: whether it has a wood screw's point and its coarse, sharp thread.
        head_radius: of the head's rim.
        head_height: where the shaft begins.
        shank: where the thread begins.
        length: where the tip ends.
        pitch: of the thread.
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
            half = np.where((along < 0.35 * self.head_height) & (np.abs(v) < 0.2), 0, half)
        # It rests on the head's rim and on its tip.
        axis = 1 + (self.head_radius - 1) * (1 - along / self.length)
        lower, upper = (np.where(half > 0, side, 0).astype(np.float32) for side in (axis - half, axis + half))
        return lower, upper

    def _head_radii(self, along: Array) -> Array:
        part = along / self.head_height
        if self.head == "countersunk":
            radius = self.head_radius - (self.head_radius - 0.95) * np.clip((part - 0.12) / 0.88, 0, 1)
        elif self.head == "pan":
            radius = self.head_radius * (0.45 + 0.55 * _rim(part, 0.8))
        else:
            radius = self.head_radius * (0.82 + 0.06 * _rim(along, 0.12))
        return radius

    def _shaft_radii(self, along: Array, v: Array) -> Array:
        # On the upper half of a cylinder the helix runs through half a turn.
        turns = along / self.pitch + np.arcsin(np.clip(v, -1, 1)) / (2 * math.pi)
        groove = np.abs(2 * (turns - np.floor(turns)) - 1)
        to_tip = self.length - along
        thread: Array = 1 - (0.34 * np.sqrt(groove) if self.wood else 0.2 * groove)
        taper: Array = np.clip(to_tip / 2.4, 0, 1) if self.wood else 0.7 + 0.3 * np.clip(to_tip / 0.35, 0, 1)
        radius: Array = np.where(along > self.shank, thread, 0.9) * taper
        return radius


def _lying_screw(rng: np.random.Generator) -> Shape:
    wood = bool(rng.random() < 0.4)
    heads = ["pan", "countersunk", "socket", "hex"]
    head = str(rng.choice(heads[:3] if wood else heads))
    radius, height = rng.uniform(1.7, 2.05), rng.uniform(1.1, 1.6)
    length, pitch = height + rng.uniform(6, 10), rng.uniform(0.75, 1) if wood else rng.uniform(0.42, 0.55)
    shank = height + (rng.uniform(0.2, 3) if rng.random() < 0.5 else 0.1)
    screw = _Screw(head, wood, radius, height, shank, length, pitch)
    return Shape(screw.solid, length / 2 + 0.05, 1.05 * radius, 2 * radius)


def _driven_screw(rng: np.random.Generator) -> Shape:
    drive = rng.choice(["slot", "cross", "socket"])
    flat, tall, width = rng.random() < 0.4, rng.uniform(0.3, 0.55), rng.uniform(0.09, 0.14)

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r: Array = np.hypot(u, v)
        dome = _rim(1 - r, 0.12) if flat else 0.6 * _rim(1 - r, 1.0) + 0.4 * _rim(1 - r, 0.1)
        if drive == "socket":
            inside = 0.5 - _hexagon(u, v)
        elif drive == "cross":
            inside = np.minimum(width - np.minimum(np.abs(u), np.abs(v)), 0.6 - r)
        else:
            inside = width - np.abs(v)
        # Even the bottom of a slot is metal.
        return _lying(np.maximum(tall * dome - np.clip(6 * inside, 0, 0.85 * tall), np.where(r < 1, 0.05, 0)))

    return Shape(solid, 1.02, 1.02, tall)


def _lying(top: Array) -> tuple[Array, Array]:
    upper: Array = np.maximum(top, 0).astype(np.float32)
    return np.zeros_like(upper), upper


def _hexagon(u: Array, v: Array) -> Array:
    a, b = u / 2, v * math.sqrt(0.75)
    distance: Array = np.maximum(np.abs(u), np.maximum(np.abs(a + b), np.abs(a - b)))
    return distance


def _rim(inside: Array, width: float) -> Array:
    """A quarter circle's rise, from 0 at the edge to 1 at ``width`` inside it."""
    left = 1 - np.clip(inside / width, 0, 1)
    height: Array = np.sqrt(1 - left * left)
    return height


def _stretch(grid: Array, rows: int, columns: int) -> Array:
    return np.asarray(Image.fromarray(grid).resize((columns, rows), Image.Resampling.BICUBIC))


def noise(rng: np.random.Generator, n: int, rows: int, columns: int) -> Array:
    """Smooth noise, ``[n, n]``: a grid of rows x columns normal values, stretched."""
    return _stretch(rng.standard_normal((rows, columns), np.float32), n, n)


def _cloud(rng: np.random.Generator, n: int) -> Array:
    """Noise on several scales at once, ``[n, n]``."""
    field = rng.standard_normal((3, 3), np.float32)
    for cells, weight in ((8, 0.6), (24, 0.35), (n // 4, 0.3)):
        field = _stretch(field, cells, cells) + weight * rng.standard_normal((cells, cells), np.float32)
    return _stretch(field, n, n)


def _lines(n: int, period: float, width: float) -> Array:
    away = np.abs((np.arange(n, dtype=np.float32) + period / 2) % period - period / 2)
    line = np.clip(width - away, 0, 1)
    grid: Array = np.maximum(line[:, None], line[None, :])
    return grid


def _wood(rng: np.random.Generator, n: int) -> Array:
    y = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    rings = np.sin(2 * math.pi * (rng.uniform(5, 14) * y + rng.uniform(0.2, 0.8) * noise(rng, n, 5, 2)))
    pores = np.minimum(noise(rng, n, n, n // 24), 0)
    tone: Array = 0.6 + 0.14 * rings + 0.1 * noise(rng, n, n // 3, 4) + 0.12 * pores + 0.06 * _cloud(rng, n)
    if rng.random() < 0.4:
        plank = (y * int(rng.integers(2, 4)) + rng.random()) % 1
        tone = np.where(plank < 0.012, tone - 0.8, tone)
    return tone


def _concrete(rng: np.random.Generator, n: int) -> Array:
    pits = np.maximum(noise(rng, n, n // 3, n // 3) - 1.1, 0)
    tone: Array = 0.55 + 0.14 * _cloud(rng, n) + 0.06 * rng.standard_normal((n, n), np.float32) - 0.35 * pits
    return tone


def _brushed(rng: np.random.Generator, n: int) -> Array:
    return 0.55 + 0.1 * (noise(rng, n, n, 6) + noise(rng, n, n // 4, 2)) + 0.12 * noise(rng, n, 3, 3)


def _mat(rng: np.random.Generator, n: int) -> Array:
    period = rng.uniform(0.08, 0.16) * n
    lines = np.maximum(0.8 * _lines(n, period, 1.3), 0.3 * _lines(n, period / 5, 0.8))
    tone: Array = 0.12 + lines + 0.04 * rng.standard_normal((n, n), np.float32) + 0.06 * _cloud(rng, n)
    return tone


def _paper(rng: np.random.Generator, n: int) -> Array:
    tone = 0.75 + 0.06 * _cloud(rng, n) + 0.04 * noise(rng, n, n // 2, n // 2)
    if rng.random() < 0.4:
        tone = tone - 0.35 * _lines(n, rng.uniform(0.03, 0.06) * n, 0.9)
    return tone


def _cloth(rng: np.random.Generator, n: int) -> Array:
    count = int(rng.integers(60, 110))
    wave = np.sin(np.linspace(0, math.pi * count, n, dtype=np.float32))
    over = np.where(wave[:, None] * wave > 0, wave[:, None] ** 2, wave * wave)
    threads = noise(rng, n, count, 6) + noise(rng, n, 6, count)
    tone: Array = 0.3 + 0.4 * over + 0.1 * threads + 0.13 * noise(rng, n, 5, 4)
    return tone


SURFACES: tuple[Surface, ...] = (
    Surface(_wood, ((0x6B4423, 0xD2A56D), (0x8A6A45, 0xE8CFA4), (0x2E1C12, 0x7A5235), (0x5A4A3C, 0xA59482))),
    Surface(_concrete, ((0x4F4E4B, 0xB4B0A8), (0x3A3C3E, 0x8C8F92), (0x7A7266, 0xD6CDBE))),
    Surface(_brushed, ((0x55595D, 0xC3C8CC), (0x34373A, 0x8D9296))),
    Surface(_mat, ((0x1F5A48, 0xC9D8B0), (0x27405F, 0xC4D2DC), (0x26282A, 0x9AA0A0), (0x6A3440, 0xE0C9C4))),
    Surface(_paper, ((0x8F8A80, 0xFAF8F2), (0x7E6242, 0xCFA777), (0x9A9377, 0xF3ECCB))),
    Surface(_cloth, ((0x1C2A45, 0x5D7396), (0x5E1E1C, 0xB65148), (0x6E6656, 0xCFC6B0), (0x2B2D2E, 0x77797A))),
)
