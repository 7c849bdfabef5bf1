"""Renders sets of photos that differ in what a network must see: the way up, faint scratches, and patterns.

A photo depends on the set, its class, its number and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.transfer.surfaces import SIDE, Pixels, background, grain, photographed, smooth_noise, to_image
from graft_host.support.parallel import map_parallel

Colour = tuple[int, int, int, int]

_QUALITY = 88


@dataclass(frozen=True)
class Rendered:
    """A set that can be rendered.

    Attributes:
        number: of the set, part of the seed of its photos.
        classes: names of the classes.
        render: draws a photo of the class with the given index.
    """

    number: int
    classes: tuple[str, ...]
    render: Callable[[np.random.Generator, int], Image.Image]


def render_set(name: str, folder: Path, photos: int, threads: int) -> None:
    """Renders a set into a folder of photos for each class; photos that are there already stay.

    Args:
        name: of the set.
        folder: for the class folders.
        photos: of each class.
        threads: photos at a time.
    """
    rendered = RENDERED[name]
    wanted = [(label, number) for label in range(len(rendered.classes)) for number in range(photos)]

    def render(which: tuple[int, int]) -> None:
        label, number = which
        path = folder / rendered.classes[label] / f"{number:04d}.jpg"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng([rendered.number, label, number])
            part = path.with_suffix(".part")
            rendered.render(rng, label).save(part, format="JPEG", quality=_QUALITY)
            part.replace(path)

    map_parallel(render, wanted, threads)


def _turned(rng: np.random.Generator, label: int) -> Image.Image:
    """A mug, a bottle or a lamp, turned by ``label`` quarters."""
    photo = background(rng).convert("RGBA")
    thing = Image.new("RGBA", (400, 400))
    draw = ImageDraw.Draw(thing)
    first, second = (_colour(rng) for _ in range(2))
    (_mug, _bottle, _lamp)[int(rng.integers(3))](draw, rng, first, second)
    turned = thing.rotate(90 * label + rng.uniform(-18, 18), Image.Resampling.BICUBIC)
    side = int(rng.uniform(150, 235))
    place = (int(rng.integers(SIDE - side + 1)), int(rng.integers(SIDE - side + 1)))
    photo.alpha_composite(turned.resize((side, side), Image.Resampling.LANCZOS), place)
    return photographed(rng, photo)


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue, 255


def _mug(draw: ImageDraw.ImageDraw, rng: np.random.Generator, first: Colour, second: Colour) -> None:
    half, top, bottom = rng.uniform(55, 85), rng.uniform(95, 125), rng.uniform(280, 310)
    draw.arc((200 + half - 30, 150, 200 + half + 45, 250), -95, 95, fill=first, width=17)
    draw.rounded_rectangle((200 - half, top, 200 + half, bottom), 16, fill=first)
    draw.ellipse((200 - half, top - 18, 200 + half, top + 22), fill=second)


def _bottle(draw: ImageDraw.ImageDraw, rng: np.random.Generator, first: Colour, second: Colour) -> None:
    half, shoulder, bottom = rng.uniform(35, 55), rng.uniform(150, 190), rng.uniform(315, 345)
    draw.rectangle((200 - half / 3, 75, 200 + half / 3, shoulder + 12), fill=first)
    draw.rounded_rectangle((200 - half, shoulder, 200 + half, bottom), 22, fill=first)
    draw.rectangle((200 - half / 2.4, 58, 200 + half / 2.4, 84), fill=second)


def _lamp(draw: ImageDraw.ImageDraw, rng: np.random.Generator, first: Colour, second: Colour) -> None:
    narrow, wide, edge = rng.uniform(28, 45), rng.uniform(70, 100), rng.uniform(170, 210)
    draw.rectangle((194, edge - 4, 206, 320), fill=second)
    draw.ellipse((150, 306, 250, 338), fill=second)
    draw.polygon([(200 - narrow, 80), (200 + narrow, 80), (200 + wide, edge), (200 - wide, edge)], fill=first)


def _metal(rng: np.random.Generator, label: int) -> Image.Image:
    """Brushed metal with dust; with one or two faint scratches where ``label`` is 1."""
    brushed = smooth_noise(rng, 1, 24) - 0.5
    tint = np.array([1, rng.uniform(0.94, 1.02), rng.uniform(0.86, 1.05)], np.float32) * rng.uniform(80, 190)
    cloud = smooth_noise(rng, 64, 64) - 0.5
    sheet = tint + (brushed * rng.uniform(40, 110) + cloud * rng.uniform(20, 70))[..., np.newaxis] + grain(rng, 3)
    marks = Image.new("L", (2 * SIDE, 2 * SIDE))
    draw = ImageDraw.Draw(marks)
    for _ in range(int(rng.integers(2, 8))):
        x, y = rng.uniform(0, 2 * SIDE, 2)
        radius = rng.uniform(1, 4)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=int(rng.uniform(50, 140)))
    for _ in range(int(rng.integers(1, 3)) * label):
        draw.line(_scratch(rng), fill=int(rng.uniform(55, 140)), width=int(rng.integers(2, 4)))
    depth = np.asarray(marks.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)[..., np.newaxis] / 255
    sheet = sheet + rng.choice([-1, 1]) * rng.uniform(60, 140) * depth
    return photographed(rng, to_image(np.rot90(sheet, int(rng.integers(2)))))


def _scratch(rng: np.random.Generator) -> list[tuple[float, float]]:
    """A path that wanders, in pixels of the drawing."""
    x, y = rng.uniform(0.15, 0.85, 2) * 2 * SIDE
    angle = rng.uniform(0, 2 * np.pi)
    path = [(float(x), float(y))]
    for _ in range(int(rng.integers(5, 15))):
        angle += rng.normal(0, 0.14)
        x, y = x + 15 * np.cos(angle), y + 15 * np.sin(angle)
        path.append((float(x), float(y)))
    return path


def _tile(rng: np.random.Generator, label: int) -> Image.Image:
    """A pattern in two colours, turned, bent and dirty."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    step = float(rng.uniform(15, 42))
    bend = 8 * (np.stack([smooth_noise(rng, 64, 64), smooth_noise(rng, 64, 64)]) - 0.5)
    x = (columns * np.cos(angle) + rows * np.sin(angle) + bend[0]) / step
    y = (rows * np.cos(angle) - columns * np.sin(angle) + bend[1]) / step
    pattern = _patterns(x, y)[_PATTERNS[label]][..., np.newaxis]
    colour = rng.uniform(30, 225, 3).astype(np.float32)
    other = colour + rng.normal(0, 32, 3).astype(np.float32)
    dirt = (smooth_noise(rng, 5, 5) - 0.5) * 45 + (smooth_noise(rng, 80, 80) - 0.5) * 80
    tile = colour + (other - colour) * pattern + dirt[..., np.newaxis] + grain(rng, 6)
    return photographed(rng, to_image(tile))


def _patterns(x: Pixels, y: Pixels) -> dict[str, Pixels]:
    """Patterns by name, 0 or 1 at each place; a pattern repeats after about 1 in both directions."""
    brick_x, brick_y = x / 2 + np.floor(2 * y) % 2 / 2, 2 * y
    ways = (0, np.pi / 3, 2 * np.pi / 3)
    slanted = np.where(np.floor(x) % 2 == 0, x + y, x - y)
    over = (np.floor(x) + np.floor(y)) % 2
    drawn = {
        "bricks": np.less(brick_x % 1, 0.07) | np.less(brick_y % 1, 0.14),
        "checks": over,
        "dots": np.less((x % 1 - 0.5) ** 2 + (y % 1 - 0.5) ** 2, 0.09),
        "herringbone": np.less(slanted % 0.8, 0.3),
        "hexagons": np.greater(sum(np.cos(2 * np.pi * (x * np.cos(way) + y * np.sin(way))) for way in ways), 0.5),
        "stripes": np.less(x % 1, 0.5),
        "waves": np.less((y + 0.35 * np.sin(4.5 * x)) % 1, 0.45),
        "woven": np.less(4 * np.where(over, x, y) % 1, 0.5),
    }
    return {name: np.asarray(pattern, np.float32) for name, pattern in drawn.items()}


_PATTERNS = ("bricks", "checks", "dots", "herringbone", "hexagons", "stripes", "waves", "woven")

RENDERED = {
    "orientation": Rendered(1, ("up", "left", "down", "right"), _turned),
    "scratches": Rendered(2, ("clean", "scratched"), _metal),
    "tiles": Rendered(3, _PATTERNS, _tile),
}
"""The sets by name."""
