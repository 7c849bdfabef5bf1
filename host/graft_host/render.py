"""Photo-like pictures of small hardware, for a whole training run with no photos and no network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from graft_host.render_shapes import Array, Shape, draw_nut, draw_screw, draw_washer

PARTS: tuple[str, ...] = ("nut", "screw", "washer")

_DRAW: dict[str, Callable[[np.random.Generator], Shape]] = {
    "nut": draw_nut,
    "screw": draw_screw,
    "washer": draw_washer,
}

# Tint and how much of the light a finish scatters instead of mirroring it.
_FINISHES: dict[str, tuple[tuple[float, float, float], float]] = {
    "zinc": ((0.86, 0.88, 0.90), 0.35),
    "steel": ((0.72, 0.70, 0.68), 0.25),
    "brass": ((0.90, 0.74, 0.42), 0.2),
    "yellow zinc": ((0.84, 0.76, 0.55), 0.35),
    "black oxide": ((0.27, 0.27, 0.28), 0.4),
}


@dataclass(frozen=True)
class _Light:
    """Where the lamp stands and how strong it is against the room.

    Attributes:
        lamp: Unit vector to the lamp: x right, y down the picture, z to the camera.
        window: Unit vector to a second, weaker source.
        key: The lamp's share of the light on the bench; the room gives the rest.
        colour: The lamp's tint.
    """

    lamp: Array
    window: Array
    key: float


@dataclass(frozen=True)
class _Relief:
    """The solids on the bench, on a grid twice as fine as the photo.

    Attributes:
        lower: Height of the undersides, in texels.
        upper: Height of the tops, in texels; 0 where the bench is bare.
    """

    lower: Array
    upper: Array


def render_part(part: str, rng: np.random.Generator, size: int = 320) -> Image.Image:
    """Renders one photo of a part, or of a few of the same kind.

    Args:
        part: One of `PARTS`.
        rng: Where every choice comes from: the same state gives the same photo.
        size: Width and height in pixels.

    Returns:
        An RGB image.

    Raises:
        ValueError: If the part is not one of `PARTS`.
    """
    if part not in _DRAW:
        raise ValueError(f"unknown part {part!r}: choose from {', '.join(PARTS)}")
    tilt = float(rng.uniform(0.05, 0.6))
    bench = _bench(rng, size, tilt)
    light = _draw_light(rng)
    relief = _arrange(_DRAW[part](rng), rng, size, tilt)
    shade = _shade(relief, light, rng)
    photo = bench * shade[: 2 * size : 2, ::2, None]
    photo = _cover(photo, relief, shade, light, tilt, rng)
    return _develop(photo, rng)


def render_dataset(folder: Path, per_class: int, seed: int) -> int:
    """Renders a folder of photos for each part.

    A photo depends on the seed, its class and its number alone, so more photos leave the first ones the same.

    Args:
        folder: Gets a folder for each part; made if missing.
        per_class: Photos of each part.
        seed: Any integer from 0.

    Returns:
        How many photos were written.
    """
    for label, part in enumerate(PARTS):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for number in range(1, per_class + 1):
            rng = np.random.default_rng(np.random.SeedSequence((seed, label, number)))
            render_part(part, rng).save(folder / part / f"{part}-{number:04d}.jpg", quality=90)
    return per_class * len(PARTS)


def _noise(rng: np.random.Generator, n: int, rows: int, columns: int) -> Array:
    """Returns smooth noise of shape [n, n] from a grid of rows x columns random values."""
    grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    return np.asarray(grid.resize((n, n), Image.Resampling.BICUBIC))


def _cloud(rng: np.random.Generator, n: int) -> Array:
    total = _noise(rng, n, 3, 3)
    for cells, weight in ((8, 0.6), (24, 0.35), (n // 4, 0.3)):
        total = total + np.float32(weight) * _noise(rng, n, cells, cells)
    return total


def _wood(rng: np.random.Generator, n: int) -> Array:
    y = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    warp = _noise(rng, n, 5, 2) * np.float32(0.5)
    rings = np.sin(2 * np.pi * (np.float32(rng.uniform(5, 14)) * y + np.float32(rng.uniform(0.5, 1.5)) * warp))
    pores = np.minimum(_noise(rng, n, n, n // 24), 0)
    tone = 0.6 + 0.14 * rings + 0.1 * _noise(rng, n, n // 3, 4) + 0.12 * pores + 0.06 * _cloud(rng, n)
    if rng.random() < 0.4:
        plank = (y * int(rng.integers(2, 4)) + np.float32(rng.random())) % 1
        tone = tone - 0.8 * np.float32(plank < 0.012)
    return tone.astype(np.float32)


def _concrete(rng: np.random.Generator, n: int) -> Array:
    pits = np.maximum(_noise(rng, n, n // 3, n // 3) - 1.1, 0)
    grain = rng.standard_normal((n, n), dtype=np.float32)
    return np.float32(0.55) + np.float32(0.14) * _cloud(rng, n) + np.float32(0.06) * grain - np.float32(0.35) * pits


def _brushed(rng: np.random.Generator, n: int) -> Array:
    fine, coarse = _noise(rng, n, n, 6), _noise(rng, n, n // 4, 2)
    return np.float32(0.55) + np.float32(0.1) * (fine + coarse) + np.float32(0.12) * _noise(rng, n, 3, 3)


def _lines(n: int, period: float, width: float) -> Array:
    away = np.abs((np.arange(n, dtype=np.float32) + period / 2) % period - period / 2)
    line = np.clip(width - away, 0, 1)
    grid: Array = np.maximum(line[:, None], line[None, :])
    return grid


def _mat(rng: np.random.Generator, n: int) -> Array:
    period = float(rng.uniform(0.08, 0.16)) * n
    lines = np.maximum(0.8 * _lines(n, period, 1.3), 0.3 * _lines(n, period / 5, 0.8))
    grain = rng.standard_normal((n, n), dtype=np.float32)
    return (0.12 + lines + 0.04 * grain + 0.06 * _cloud(rng, n)).astype(np.float32)


def _paper(rng: np.random.Generator, n: int) -> Array:
    tone = 0.75 + 0.06 * _cloud(rng, n) + 0.04 * _noise(rng, n, n // 2, n // 2)
    if rng.random() < 0.4:
        tone = tone - 0.35 * _lines(n, float(rng.uniform(0.03, 0.06)) * n, 0.9)
    return tone.astype(np.float32)


def _cloth(rng: np.random.Generator, n: int) -> Array:
    count = int(rng.integers(60, 110))
    wave = np.sin(np.linspace(0, np.pi * count, n, dtype=np.float32))
    over = np.where(wave[:, None] * wave[None, :] > 0, wave[:, None] ** 2, wave[None, :] ** 2)
    threads = _noise(rng, n, count, 6) + _noise(rng, n, 6, count)
    return (0.3 + 0.4 * over + 0.1 * threads + 0.13 * _noise(rng, n, 5, 4)).astype(np.float32)


# For each surface: how to draw its tone, and pairs of dark and light colours (sRGB).
_SURFACES: tuple[tuple[Callable[[np.random.Generator, int], Array], tuple[tuple[int, int], ...]], ...] = (
    (_wood, ((0x6B4423, 0xD2A56D), (0x8A6A45, 0xE8CFA4), (0x2E1C12, 0x7A5235), (0x5A4A3C, 0xA59482))),
    (_concrete, ((0x4F4E4B, 0xB4B0A8), (0x3A3C3E, 0x8C8F92), (0x7A7266, 0xD6CDBE))),
    (_brushed, ((0x55595D, 0xC3C8CC), (0x34373A, 0x8D9296))),
    (_mat, ((0x1F5A48, 0xC9D8B0), (0x27405F, 0xC4D2DC), (0x26282A, 0x9AA0A0), (0x6A3440, 0xE0C9C4))),
    (_paper, ((0x8F8A80, 0xFAF8F2), (0x7E6242, 0xCFA777), (0x9A9377, 0xF3ECCB))),
    (_cloth, ((0x1C2A45, 0x5D7396), (0x5E1E1C, 0xB65148), (0x6E6656, 0xCFC6B0), (0x2B2D2E, 0x77797A))),
)


def _rgb(colour: int) -> Array:
    """Returns a 0xRRGGBB colour as linear light, with gamma 2 for speed."""
    return np.array([colour >> 16, colour >> 8 & 255, colour & 255], np.float32) ** 2 / 255**2


def _bench(rng: np.random.Generator, size: int, tilt: float) -> Array:
    """Returns a bare bench in linear light, [size, size, 3], as the tilted camera sees it."""
    draw, pairs = _SURFACES[rng.integers(len(_SURFACES))]
    dark, light = (_rgb(colour) for colour in pairs[rng.integers(len(pairs))])
    n = size * 3 // 2
    tone = Image.fromarray(draw(rng, n))
    turn, zoom = rng.uniform(0, 2 * np.pi), 0.74
    cos, sin, deep = zoom * np.cos(turn), zoom * np.sin(turn), 1 / np.cos(tilt)
    # The far side recedes: the divisor falls towards the top of the picture.
    fall = 0.25 * np.sin(tilt) / size
    half, middle = size / 2, n / 2
    a, b, d, e = cos + middle * 0, -sin * deep, sin, cos * deep
    scale = 1 - fall * half
    row_x = (a, b + middle * fall, middle * scale - a * half - b * half)
    row_y = (d, e + middle * fall, middle * scale - d * half - e * half)
    coefficients = [value / scale for value in (*row_x, *row_y, 0.0, fall)]
    seen = tone.transform((size, size), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    mix = np.clip(np.asarray(seen), 0, 1.15)[..., None]
    bench: Array = np.maximum(dark + (light - dark) * mix * mix, 0)
    return bench


def _draw_light(rng: np.random.Generator) -> _Light:
    def direction(low: float, high: float) -> Array:
        azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(low, high)
        flat = np.cos(elevation)
        return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], np.float32)

    return _Light(direction(0.6, 1.15), direction(0.3, 1.3), float(rng.uniform(0.35, 0.75)))


def _arrange(shape: Shape, rng: np.random.Generator, size: int, tilt: float) -> _Relief:
    """Lays one part, or a few alike, on the bench so that they don't overlap."""
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.18, 0.12]))
    # The same spread of areas for every class, so that size doesn't give the class away.
    scale = 2 * size * rng.uniform(0.2, 0.36) / count**0.35 / np.sqrt(shape.area())
    rows = 2 * size + int(shape.top * scale * np.sin(tilt)) + 2
    lower, upper = np.zeros((rows, 2 * size), np.float32), np.zeros((rows, 2 * size), np.float32)
    cut = rng.random() < 0.2
    for _ in range(3 * count):
        turn = rng.uniform(0, 2 * np.pi)
        cos, sin, flat = np.cos(turn), np.sin(turn), np.cos(tilt)
        reach_x = scale * (abs(cos) * shape.half_u + abs(sin) * shape.half_v)
        reach_y = scale * (abs(sin) * shape.half_u + abs(cos) * shape.half_v) * flat
        margin = [min(reach, size) * (0.3 if cut else 1) for reach in (reach_x, reach_y)]
        x, y = (rng.uniform(edge, 2 * size - edge) for edge in margin)
        left, right = max(int(x - reach_x), 0), min(int(x + reach_x) + 2, 2 * size)
        top, bottom = max(int(y - reach_y), 0), min(int(y + reach_y) + 2, rows)
        across = (np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(scale)
        down = (np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)) / np.float32(scale * flat)
        low, high = shape.solid(
            np.float32(cos) * across + np.float32(sin) * down, np.float32(cos) * down - np.float32(sin) * across
        )
        box = (slice(top, bottom), slice(left, right))
        if np.any((upper[box] > 0) & (high > 0)):
            continue
        lower[box] = np.where(high > 0, low * scale, lower[box])
        upper[box] = np.where(high > 0, high * scale, upper[box])
        count -= 1
        if count == 0:
            break
    return _Relief(lower, upper)


def _blur(field: Array, radius: float) -> Array:
    """Blurs a field of values from 0 to 1."""
    image = Image.fromarray((field * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32) / np.float32(255)


def _shade(relief: _Relief, light: _Light, rng: np.random.Generator) -> Array:
    """Returns the light that reaches each texel, 0 to 1: the lamp's shadow and the room's occlusion."""
    lower, upper = relief.lower[::2, ::2] / 2, relief.upper[::2, ::2] / 2
    high, wide = upper.shape
    peak = float(upper.max())
    flat = float(np.hypot(light.lamp[0], light.lamp[1]))
    reach = peak * flat / float(light.lamp[2])
    steps = int(min(max(reach / 1.5, 6), 40))
    dark = np.zeros((high, wide), bool)
    for step in range(1, steps + 1):
        climb = np.float32(peak * step / steps)
        dx, dy = (round(float(axis) / flat * reach * step / steps) for axis in light.lamp[:2])
        here = (slice(max(-dy, 0), high - max(dy, 0)), slice(max(-dx, 0), wide - max(dx, 0)))
        there = (slice(max(dy, 0), high - max(-dy, 0)), slice(max(dx, 0), wide - max(-dx, 0)))
        ray = upper[here] + climb
        dark[here] |= (upper[there] > ray) & (lower[there] <= ray)
    softness = float(rng.uniform(0.004, 0.014)) * wide
    lit = 1 - _blur(dark.astype(np.float32), softness)
    relative = upper / np.float32(max(peak, 1))
    closed = np.clip(_blur(relative, 0.03 * wide) - relative, 0, 1)
    share = np.float32(light.key)
    shade = share * lit + (1 - share) * (1 - np.minimum(1.5 * closed, 0.8))
    return np.repeat(np.repeat(shade, 2, 0), 2, 1)[: relief.upper.shape[0]]


def _visible(relief: _Relief, tilt: float, size: int) -> tuple[Array, Array]:
    raise NotImplementedError


def _cover(
    photo: Array, relief: _Relief, shade: Array, light: _Light, tilt: float, rng: np.random.Generator
) -> Array:
    """Draws the metal over the bench."""
    size = photo.shape[0]
    wide = 2 * size
    rise = float(relief.upper.max()) * np.sin(tilt)
    levels = int(min(max(rise, 8), 250))
    unit = np.float32(levels / float(relief.upper.max()))
    high8 = np.ceil(relief.upper * unit).astype(np.uint8)
    low8 = np.floor(relief.lower * unit).astype(np.uint8)
    seen = np.zeros((wide, wide), np.uint8)
    shifts = np.round(np.arange(levels + 1) * (rise / levels)).astype(np.int64)
    # From the bench up: what stands higher hides what lies behind it.
    for level in range(1, levels + 1):
        rows = slice(shifts[level], shifts[level] + wide)
        np.copyto(seen, np.uint8(level), where=(high8[rows] >= level) & (low8[rows] <= level))
    hits = np.flatnonzero(seen)
    source = hits + shifts[seen.ravel()[hits]] * wide
    slope_y, slope_x = np.gradient(relief.upper)
    normal = np.stack([-slope_x.ravel()[source], -slope_y.ravel()[source], np.ones(len(source), np.float32)])
    rough = _cloud(rng, wide)
    normal[:2] += np.float32(0.05) * rng.standard_normal((2, len(source)), dtype=np.float32)
    normal[0] += np.float32(0.04) * rough.ravel()[hits]
    normal /= np.sqrt(np.sum(normal * normal, axis=0))
    bench = photo.mean(axis=(0, 1))
    metal = _metal(normal, shade.ravel()[source], light, tilt, bench, rng)
    metal *= 1 + np.float32(0.05) * rough.ravel()[hits]
    pixel = hits // wide // 2 * size + hits % wide // 2
    cover = np.bincount(pixel, minlength=size * size).reshape(size, size, 1) / 4
    layers = [np.bincount(pixel, layer, size * size).reshape(size, size) / 4 for layer in metal]
    return (photo * (1 - cover) + np.stack(layers, axis=-1)).astype(np.float32)


def _metal(
    normal: Array, shade: Array, light: _Light, tilt: float, bench: Array, rng: np.random.Generator
) -> Array:
    """Returns the colour of metal, [3, points], from unit normals [3, points] and the light that reaches it."""
    names = list(_FINISHES)
    tint, scatter = _FINISHES[names[rng.integers(len(names))]]
    view = np.array([0, np.sin(tilt), np.cos(tilt)], np.float32)
    mirror = 2 * (view @ normal) * normal - view[:, None]
    gloss = float(rng.uniform(0.5, 1.0))
    room = 0.35 + 0.2 * mirror[2] + 0.16 * np.sin(rng.uniform(2, 4, 3).astype(np.float32) @ mirror * 1.5 + rng.uniform(0, 6))
    lamp = np.clip((light.lamp @ mirror - (1 - 0.35 * gloss)) / (0.3 * gloss), 0, 1)
    window = np.clip((light.window @ mirror - 0.6) / 0.3, 0, 1)
    mirrored = np.maximum(room, 0.05) + 2.4 * light.key * lamp * lamp + 0.7 * window
    ground = np.clip(0.25 - mirror[2], 0, 1)
    facing = np.maximum(light.lamp @ normal, 0) / light.lamp[2]
    spread = light.key * facing + (1 - light.key)
    colours = []
    for channel in range(3):
        seen = mirrored * (1 - ground) + ground * bench[channel]
        colours.append(tint[channel] ** 2 * ((1 - scatter) * seen + scatter * spread) * (0.2 + 0.8 * shade))
    return np.stack(colours).astype(np.float32)


def _develop(photo: Array, rng: np.random.Generator) -> Image.Image:
    """Turns linear light into a phone's photo: fall-off, exposure, white balance, blur and noise."""
    size = photo.shape[0]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    slope = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    field = (1 + slope[0] * x + slope[1] * y) * (1 - np.float32(rng.uniform(0.02, 0.16)) * (x * x + y * y))
    warm = rng.uniform(-0.12, 0.12)
    balance = np.array([1 + warm, 1 + rng.uniform(-0.03, 0.03), 1 - warm], np.float32)
    target = rng.uniform(0.75, 1.25)
    photo = photo * field[..., None] * (balance * np.float32(target))
    image = Image.fromarray((np.sqrt(np.clip(photo, 0, 1)) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.choice([0.3, 0.6, 1.2], p=[0.5, 0.35, 0.15]) * size / 320)))
    grain = rng.standard_normal((size, size, 3), dtype=np.float32) * np.float32(rng.uniform(1, 6))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
