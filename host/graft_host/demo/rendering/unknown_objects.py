"""Objects in rendered photos that are none of the parts: a banana, a toy brick, a leaf and a starfish."""

from __future__ import annotations

import math

import numpy as np

from graft_host.demo.rendering.noise import Array
from graft_host.demo.rendering.shapes import WALL, Finish, Shape, lying, rim

_PLASTIC = ((0.85, 0.12, 0.1), (0.12, 0.3, 0.8), (0.95, 0.75, 0.1), (0.15, 0.6, 0.25))


def draw_banana(rng: np.random.Generator) -> Shape:
    """Draws a banana on its side: a bow of round section that gets thin at both ends."""
    flesh, bend, span, thick = 0.82, rng.uniform(2.6, 3.4), rng.uniform(1.0, 1.25), rng.uniform(0.62, 0.75)
    middle = bend * (1 + math.cos(span)) / 2  # centres the bow on the origin
    end = bend * math.sin(span)

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r, angle = np.hypot(u, v + middle), np.arctan2(u, v + middle)
        along = np.abs(angle) / span
        radius = thick * np.where(along < flesh, np.sqrt(np.maximum(1 - 0.7 * along**2, 0)), 0.33)
        edges = 1 - 0.08 * np.cos(5 * np.arcsin(np.clip((r - bend) / thick, -1, 1)))
        half = np.sqrt(np.maximum(radius**2 - (r - bend) ** 2, 0)) * edges
        return lying(np.where(along < 1, 2 * half, 0))

    return Shape(solid, end + 0.5, 1.6, 2 * thick, Finish((0.95, 0.8, 0.22), 0.85))


def draw_brick(rng: np.random.Generator) -> Shape:
    """Draws a toy brick of plastic with two rows of studs."""
    columns, tall = int(rng.integers(2, 5)), rng.uniform(1.6, 2.2)
    colour = _PLASTIC[rng.integers(len(_PLASTIC))]
    half, wide, stud_radius = float(columns), 2.0, 0.62

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        body = np.minimum(tall, WALL * np.minimum(half - np.abs(u), wide - np.abs(v)))
        x, y = (u + half) % 2 - 1, (v + wide) % 2 - 1
        from_middle = np.hypot(x, y)
        stud = np.minimum(tall + 0.5, tall + WALL * (stud_radius - from_middle))
        inside = (np.abs(u) < half) & (np.abs(v) < wide)
        return lying(np.where(inside, np.where(from_middle < stud_radius, np.maximum(body, stud), body), 0))

    return Shape(solid, half + 0.02, 2.02, tall + 0.5, Finish(colour, 0.8))


def draw_leaf(rng: np.random.Generator) -> Shape:
    """Draws a leaf with a stalk, a saw-toothed edge and veins."""
    wide, veins, teeth = rng.uniform(0.85, 1.15), int(rng.integers(5, 8)), int(rng.integers(14, 22))
    colour = ((0.25, 0.55, 0.15), (0.4, 0.6, 0.15), (0.75, 0.45, 0.1))[rng.integers(3)]

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        along = (u + 2) / 4  # 0 at the stalk, 1 at the tip
        outline = (
            wide * np.sin(math.pi * np.clip(along, 0, 1) ** 0.75) * (1 + 0.06 * np.sin(2 * math.pi * teeth * along))
        )
        inside = outline - np.abs(v)
        spread = (veins * (u - 0.8 * np.abs(v)) / 2) % 1
        vein = np.exp(-((np.minimum(spread, 1 - spread) / 0.06) ** 2)) + 2 * np.exp(-((v / 0.05) ** 2))
        blade = np.where(inside > 0, 0.1 + 0.12 * np.abs(v) + 0.03 * vein, 0)
        stalk = np.where(np.minimum(0.06 - np.abs(v), 2.2 - np.abs(u + 0.5)) > 0, 0.16, 0)
        return lying(np.maximum(blade, stalk))

    return Shape(solid, 2.72, 1.25, 0.45, Finish(colour, 0.95))


def draw_starfish(rng: np.random.Generator) -> Shape:
    """Draws a starfish with five arms and a rough skin."""
    inner, arms = rng.uniform(0.34, 0.44), 5
    colour = ((0.9, 0.4, 0.15), (0.8, 0.25, 0.2), (0.85, 0.6, 0.4))[rng.integers(3)]

    def solid(u: Array, v: Array) -> tuple[Array, Array]:
        r, angle = np.hypot(u, v), np.arctan2(v, u)
        away = np.abs((angle * arms / (2 * math.pi)) % 1 - 0.5) * 2  # 0 between two arms, 1 along one
        reach = inner + (1 - inner) * away**2.2
        inside = reach - r
        warts = 0.04 * np.sin(22 * u) * np.sin(22 * v)
        return lying(np.where(inside > 0, (0.34 - 0.2 * r) * rim(inside, 0.2) + 0.05 + warts, 0))

    return Shape(solid, 1.02, 1.02, 0.5, Finish(colour, 0.95))
