"""Screws as solids, on their side or driven in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graft_host.demo.rendering.noise import Array, chance
from graft_host.demo.rendering.shapes import Shape, hexagon, lying, rim


def draw_screw(rng: np.random.Generator) -> Shape:
    """Draws a screw of shaft radius 1: mostly on its side, sometimes driven in and seen from above."""
    return _driven_screw(rng) if chance(rng, 0.15) else draw_lying_screw(rng)


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


def draw_lying_screw(rng: np.random.Generator) -> Shape:
    """Draws a screw of shaft radius 1 on its side."""
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
            inside = 0.5 - hexagon(u, v)
        elif drive == "cross":
            inside = np.minimum(width - np.minimum(np.abs(u), np.abs(v)), 0.6 - r)
        else:
            inside = width - np.abs(v)
        # Even the bottom of a slot is metal.
        return lying(np.maximum(tall * dome - np.clip(6 * inside, 0, 0.85 * tall), np.where(r < 1, 0.05, 0)))

    return Shape(solid, 1.02, 1.02, tall)
