"""Renders five kinds of flowers that are hard to distinguish: a head is right about three times in four."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 160
_FINE = 2  # drawn larger by this factor, so that edges are smooth


@dataclass(frozen=True)
class _Kind:
    """The mean of what varies from flower to flower.

    Attributes:
        petals: number of petals.
        slimness: length of a petal over its width.
        hue: of the petals, 0 to 255.
        heart: radius of the centre over that of the flower.
    """

    petals: float
    slimness: float
    hue: float
    heart: float


KINDS = {
    "daisy": _Kind(17, 4.2, 215, 0.34),
    "dandelion": _Kind(26, 5.0, 38, 0.24),
    "rose": _Kind(8, 1.5, 240, 0.22),
    "sunflower": _Kind(19, 3.2, 30, 0.42),
    "tulip": _Kind(6, 2.2, 10, 0.18),
}
"""The kinds by name."""


def render_flower(kind: str, rng: np.random.Generator, spread: float) -> Image.Image:
    """Renders one photo.

    Args:
        kind: a key of ``KINDS``.
        rng: makes every random choice.
        spread: how far flowers differ from their kind; the larger it is, the more often they look like another.
    """
    mean, side = KINDS[kind], SIZE * _FINE
    photo = _background(rng, side)
    draw = ImageDraw.Draw(photo)
    petals = max(4, round(mean.petals * np.exp(0.28 * spread * rng.normal())))
    slimness = max(1.0, mean.slimness * np.exp(0.25 * spread * rng.normal()))
    hue = (mean.hue + 26 * spread * rng.normal()) % 256
    heart = mean.heart * np.exp(0.3 * spread * rng.normal())
    radius = side * rng.uniform(0.22, 0.42)
    middle = side * rng.uniform(0.38, 0.62, 2)
    tilt, turn, phase = rng.uniform(0.45, 1.0), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    saturation = int(rng.uniform(90, 220))
    for petal in rng.permutation(petals):
        angle = phase + 2 * np.pi * petal / petals + 0.12 * rng.normal()
        length = radius * (1 + 0.12 * rng.normal())
        outline = _petal(length, length / slimness, angle)
        value = int(np.clip(rng.normal(205, 25), 90, 255))
        draw.polygon(_seen(outline, middle, tilt, turn), fill=_colour(hue + 4 * rng.normal(), saturation, value))
    circle = np.stack([np.cos(steps := np.linspace(0, 2 * np.pi, 40)), np.sin(steps)], axis=1)
    draw.polygon(_seen(circle * radius * min(heart, 0.6), middle, tilt, turn),
                 fill=_colour(28 + 14 * rng.normal(), 200, int(rng.uniform(90, 220))))  # fmt: skip
    return _developed(photo, rng)


def render_flowers(folder: Path, per_kind: int, seed: int, spread: float) -> None:
    """Writes a folder of photos for each kind."""
    for label, kind in enumerate(KINDS):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(per_kind):
            rng = np.random.default_rng([seed, label, number])
            render_flower(kind, rng, spread).save(folder / kind / f"{number:04}.jpg", quality=88)


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    """Leaves out of focus."""
    photo = Image.new("RGB", (side, side), _colour(rng.uniform(50, 110), 120, int(rng.uniform(40, 150))))
    draw = ImageDraw.Draw(photo)
    for _ in range(30):
        place, length = side * rng.uniform(0, 1, 2), side * rng.uniform(0.1, 0.5)
        leaf = _petal(length, length * rng.uniform(0.1, 0.4), rng.uniform(0, 2 * np.pi)) + place
        colour = _colour(rng.uniform(45, 115), int(rng.uniform(60, 200)), int(rng.uniform(30, 190)))
        draw.polygon([tuple(point) for point in leaf], fill=colour)
    return photo.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.005, 0.03)))


def _developed(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scales the photo to its size; adds blur, light and noise."""
    small = photo.resize((SIZE, SIZE), Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.4)))
    pixels = np.asarray(small, np.float64) * rng.uniform(0.6, 1.2) + rng.normal(0, rng.uniform(2, 14), (SIZE, SIZE, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _petal(length: float, width: float, angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    steps = np.linspace(0, 2 * np.pi, 24)
    along, across = length * (0.5 - 0.5 * np.cos(steps)), width / 2 * np.sin(steps)
    turned = [along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)]
    return np.stack(turned, axis=1)


def _seen(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    middle: np.ndarray[tuple[int], np.dtype[np.float64]],
    tilt: float,
    turn: float,
) -> list[tuple[float, float]]:
    """The points as a tilted camera sees them."""
    cos, sin = np.cos(turn), np.sin(turn)
    turned = points @ np.array([[cos, -sin], [sin, cos]]) * np.array([1.0, tilt]) @ np.array([[cos, sin], [-sin, cos]])
    return [(float(x), float(y)) for x, y in turned + middle]


def _colour(hue: float, saturation: int, value: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 256 / 256, saturation / 255, value / 255)
    return round(255 * red), round(255 * green), round(255 * blue)
