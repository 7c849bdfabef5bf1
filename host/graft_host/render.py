"""Photo-like pictures of small hardware, for a whole training run with no photos and no network.

Parts are laid on a bench as solids. A camera that leans back looks at them, a lamp throws their shadows, the
metal mirrors lamp and room, and the light that comes of it is developed as a phone would.

Finish, bench, light and area covered are drawn alike for every part, so that only its shape tells the class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from graft_host.render_shapes import SURFACES, draw_nut, draw_screw, draw_washer, noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from graft_host.render_shapes import Array, Shape

PARTS: tuple[str, ...] = ("nut", "screw", "washer")
MIN_SIZE = 32

_DRAW: dict[str, Callable[[np.random.Generator], Shape]] = {
    "nut": draw_nut,
    "screw": draw_screw,
    "washer": draw_washer,
}

# Tint and how much of the light a finish scatters instead of mirroring it.
_FINISHES: tuple[tuple[tuple[float, float, float], float], ...] = (
    ((0.86, 0.88, 0.90), 0.35),  # zinc
    ((0.72, 0.70, 0.68), 0.25),  # steel
    ((0.90, 0.74, 0.42), 0.2),  # brass
    ((0.84, 0.76, 0.55), 0.35),  # yellow zinc
    ((0.27, 0.27, 0.28), 0.4),  # black oxide
)


@dataclass(frozen=True)
class _Scene:
    """How the camera and the lights stand.

    Attributes:
        size: width and height of the photo in pixels.
        tilt: how far the camera leans back from straight above, in radians.
        lamp: unit vector to the lamp: x right, y down the photo, z up from the bench.
        window: unit vector to a weaker source that casts no shadow.
        key: the lamp's share of the light on the bench; the room gives the rest.
    """

    size: int
    tilt: float
    lamp: Array
    window: Array
    key: float


@dataclass(frozen=True)
class _Relief:
    """The parts on the bench, on a grid of texels twice as fine as the photo.

    The grid has more rows than the photo needs, because what stands just below its edge reaches into it.

    Attributes:
        lower: heights of the undersides, in texels.
        upper: heights of the tops, in texels; 0 where the bench is bare.
    """

    lower: Array
    upper: Array


def render_part(part: str, rng: np.random.Generator, size: int = 320) -> Image.Image:
    """Renders one photo of a part, or of a few of the same kind.

    Args:
        part: one of ``PARTS``.
        rng: where every choice comes from: the same state gives the same photo.
        size: width and height in pixels, at least ``MIN_SIZE``.

    Returns:
        An RGB image.

    Raises:
        ValueError: there is no such part, or the size is too small.
    """
    if part not in _DRAW:
        raise ValueError(f"unknown part {part!r}: choose from {', '.join(PARTS)}")
    if size < MIN_SIZE:
        raise ValueError(f"a photo of {size} pixels is too small: give at least {MIN_SIZE}")
    scene = _draw_scene(rng, size)
    bench = _bench(rng, scene)
    relief = _arrange(_DRAW[part](rng), rng, scene)
    return _develop(_cover(bench, relief, scene, rng), rng)


def render_dataset(folder: Path, per_class: int, seed: int) -> int:
    """Renders a folder of photos for each part.

    A photo depends on the seed, its class and its number alone, so more photos leave the first ones the same.

    Args:
        folder: gets a folder for each part; made if missing.
        per_class: photos of each part.
        seed: any integer from 0.

    Returns:
        How many photos were written.
    """
    for label, part in enumerate(PARTS):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for number in range(1, per_class + 1):
            rng = np.random.default_rng(np.random.SeedSequence((seed, label, number)))
            render_part(part, rng).save(folder / part / f"{part}-{number:04d}.jpg", quality=90)
    return per_class * len(PARTS)


def _draw_scene(rng: np.random.Generator, size: int) -> _Scene:
    def direction(low: float, high: float) -> Array:
        azimuth, elevation = rng.uniform(0, 2 * math.pi), rng.uniform(low, high)
        flat = math.cos(elevation)
        return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)], np.float32)

    tilt, key = rng.uniform(0.05, 0.6), rng.uniform(0.35, 0.75)
    return _Scene(size, tilt, lamp=direction(0.6, 1.15), window=direction(0.3, 1.3), key=key)


def _lay(tone: Array, scene: _Scene, rng: np.random.Generator) -> Array:
    """A texture, half as large again as the photo, as the camera sees it on the bench at some angle."""
    turn, zoom, half, middle = rng.uniform(0, 2 * math.pi), 0.86, scene.size / 2, tone.shape[0] / 2
    cos, sin, deep = zoom * math.cos(turn), zoom * math.sin(turn), 1 / math.cos(scene.tilt)
    fall = 0.25 * math.sin(scene.tilt) / scene.size
    # Pillow divides by g x + h y + 1: the far side, at the top, takes in more of the texture.
    near = 1 - fall * half
    row_x = (cos, middle * fall - sin * deep, middle * near + (sin * deep - cos) * half)
    row_y = (sin, middle * fall + cos * deep, middle * near - (sin + cos * deep) * half)
    terms = [term / near for term in (*row_x, *row_y, 0.0, fall)]
    way, smooth = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(tone).transform((scene.size, scene.size), way, terms, smooth))


def _bench(rng: np.random.Generator, scene: _Scene) -> Array:
    """The bare bench in linear light (of gamma 2, for speed), ``[size, size, 3]``."""
    surface = SURFACES[rng.integers(len(SURFACES))]
    dark, light = (
        np.array([colour >> 16, colour >> 8 & 255, colour & 255], np.float32) ** 2 / 255**2
        for colour in surface.colours[rng.integers(len(surface.colours))]
    )
    tone = _lay(surface.draw(rng, scene.size * 3 // 2), scene, rng)
    mix: Array = np.clip(tone, 0, 1.15)[..., None]
    bench: Array = (light - dark) * (mix * mix)
    bench += dark
    return bench


def _arrange(shape: Shape, rng: np.random.Generator, scene: _Scene) -> _Relief:
    """One part, or a few alike, on the bench."""
    wide = 2 * scene.size
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.18, 0.12]))
    # By area, so that every class fills as much of the photo as the others.
    scale = wide * rng.uniform(0.2, 0.36) / count**0.35 / math.sqrt(shape.area())
    rows = wide + int(shape.top * scale * math.sin(scene.tilt)) + 2
    relief = _Relief(np.zeros((rows, wide), np.float32), np.zeros((rows, wide), np.float32))
    inset = float(rng.choice([1, 0.3], p=[0.8, 0.2]))
    for _ in range(3 * count):
        count -= _place(relief, shape, scale, inset, rng, scene)
        if count == 0:
            break
    return relief


def _place(relief: _Relief, shape: Shape, scale: float, inset: float, rng: np.random.Generator, scene: _Scene) -> bool:
    """Adds a part at random unless it would overlap another there.

    Args:
        relief: gets the part.
        shape: the part.
        scale: texels to a unit of the shape.
        inset: the share of the part's reach that its centre keeps from the photo's edges.
        rng: draws place and angle.
        scene: the camera.

    Returns:
        Whether it was added.
    """
    wide, flat, turn = 2 * scene.size, math.cos(scene.tilt), rng.uniform(0, 2 * math.pi)
    cos, sin = math.cos(turn), math.sin(turn)
    reach_x = scale * (abs(cos) * shape.half_u + abs(sin) * shape.half_v)
    reach_y = scale * (abs(sin) * shape.half_u + abs(cos) * shape.half_v) * flat
    edges = (min(inset * reach, wide / 2) for reach in (reach_x, reach_y))
    x, y = (rng.uniform(edge, wide - edge) for edge in edges)
    rows = slice(max(int(y - reach_y), 0), int(y + reach_y) + 2)
    columns = slice(max(int(x - reach_x), 0), int(x + reach_x) + 2)
    upper, lower = relief.upper[rows, columns], relief.lower[rows, columns]
    across = (np.arange(upper.shape[1], dtype=np.float32) + (columns.start - x)) / scale
    down = (np.arange(upper.shape[0], dtype=np.float32)[:, None] + (rows.start - y)) / (scale * flat)
    low, high = shape.solid(cos * across + sin * down, cos * down - sin * across)
    if np.any((upper > 0) & (high > 0)):
        return False
    np.copyto(upper, high * scale, where=high > 0)
    np.copyto(lower, low * scale, where=high > 0)
    return True


def _blur(field: Array | NDArray[np.bool_], radius: float) -> Array:
    """Values from 0 to 1 blurred, on a smaller copy where the blur is wide."""
    image, shrink = Image.fromarray((field * np.float32(255)).astype(np.uint8)), max(int(radius / 2), 1)
    small = image.reduce(shrink).filter(ImageFilter.GaussianBlur(radius / shrink))
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR), np.float32) / 255


def _reach_of_light(relief: _Relief, scene: _Scene, softness: float) -> tuple[Array, Array]:
    """How much light is left in the lamp's shadow and in hollows.

    Args:
        relief: the parts.
        scene: the lights.
        softness: blur of the shadow's edge, as a share of the photo's width.

    Returns:
        The light on the bench and on the metal at every second texel, 0 to 1.
    """
    lower, upper = relief.lower[::2, ::2] / 2, relief.upper[::2, ::2] / 2
    peak, (high, wide) = float(upper.max()), upper.shape
    steps = int(min(max(peak / 2, 6), 40))
    dark = np.zeros((high, wide), bool)
    for step in range(1, steps + 1):
        climb = peak * step / steps
        dx, dy = (round(climb * float(axis / scene.lamp[2])) for axis in scene.lamp[:2])
        here = (slice(max(-dy, 0), high - max(dy, 0)), slice(max(-dx, 0), wide - max(dx, 0)))
        there = (slice(max(dy, 0), high - max(-dy, 0)), slice(max(dx, 0), wide - max(-dx, 0)))
        ray = upper[here] + climb
        dark[here] |= (upper[there] > ray) & (lower[there] <= ray)
    relative = upper / max(peak, 1)
    around = _blur(relative, 0.03 * wide)

    def mix(shadow: NDArray[np.bool_], hollow: Array) -> Array:
        lit: Array = scene.key * (1 - _blur(shadow, softness * wide))
        return lit + (1 - scene.key) * (1 - np.clip(1.5 * hollow, 0, 0.8))

    # A tilted camera sees a little of the bench under the parts, and no lamp reaches there.
    return mix(dark | (upper > 0), around), mix(dark, around - relative)


def _trace(relief: _Relief, scene: _Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the tilted camera sees of the parts.

    Returns:
        Row-major indices on the grid, ``[points]``: where metal is seen, and which texel is seen there.
    """
    peak, (rows, wide) = float(relief.upper.max()), relief.upper.shape
    rise = peak * math.sin(scene.tilt)
    # One texel to a level at most, or walls would show gaps.
    levels = max(math.ceil(rise), 8)
    kind = np.dtype(np.uint8 if levels < 255 else np.uint16)  # noqa: PLR2004  bytes are twice as fast
    filled = np.flatnonzero(relief.upper.any(axis=1))
    top, bottom = int(filled[0]), int(filled[-1]) + 1
    low = np.floor(relief.lower[top:bottom] * (levels / peak)).astype(kind)
    thick = np.ceil(relief.upper[top:bottom] * (levels / peak)).astype(kind) - low
    seen = np.zeros((rows, wide), kind)
    shifts = np.round(np.arange(levels + 1) * (rise / levels)).astype(np.int64)
    # From the bench up, so that what stands higher hides what lies behind it.
    for level in range(1, levels + 1):
        shift = int(shifts[level])
        if shift >= bottom:
            break
        start = max(top, shift)
        # Unsigned, so levels below the underside wrap round to more than the thickness.
        metal = kind.type(level) - low[start - top :] <= thick[start - top :]
        np.copyto(seen[start - shift : bottom - shift], kind.type(level), where=metal)
    hits = np.flatnonzero(seen[: 2 * scene.size])
    return hits, hits + shifts[seen.ravel()[hits]] * wide


def _normals(upper: Array, texels: NDArray[np.int64]) -> Array:
    """The upward normals at some texels, ``[3, points]``, 1 high."""
    wide, flat = upper.shape[1], upper.ravel()
    column = texels % wide
    normal = np.zeros((3, len(texels)), np.float32)
    # Two distances, because the neighbours alone make walls jagged.
    for step in (1, 2):
        left, right = np.maximum(column - step, 0), np.minimum(column + step, wide - 1)
        normal[0] += flat[texels - column + left] - flat[texels - column + right]
        normal[1] += flat.take(texels - step * wide, mode="clip") - flat.take(texels + step * wide, mode="clip")
    normal /= 6
    normal[2] = 1
    return normal


def _cover(bench: Array, relief: _Relief, scene: _Scene, rng: np.random.Generator) -> Array:
    """The bench with the shadows and the metal over it."""
    size, wide = scene.size, 2 * scene.size
    on_bench, on_metal = _reach_of_light(relief, scene, softness=rng.uniform(0.004, 0.014))
    hits, texels = _trace(relief, scene)
    pixel = hits // wide // 2 * size + hits % wide // 2
    reach = on_metal.ravel()[texels // wide // 2 * size + texels % wide // 2]
    brushing = noise(rng, size * 3 // 2, size * 3 // 2, 10) * rng.uniform(0.01, 0.06)
    scratches = _lay(brushing, scene, rng).ravel()[pixel]
    normal = _normals(relief.upper, texels)
    # Flat faces are never quite flat, and nearby things show differently in each spot of them.
    spot = np.stack([pixel % size, pixel // size]).astype(np.float32) / size - 0.5
    normal[:2] += scratches + 0.18 * spot
    normal /= np.sqrt(np.sum(normal * normal, axis=0))
    metal = _metal(normal, reach, scene, bench[::8, ::8].mean(axis=(0, 1)), rng) * (1 + scratches)
    bare = 1 - np.bincount(pixel, minlength=size * size).reshape(size, size) / 4
    photo = bench * (on_bench[:size] * bare.astype(np.float32))[..., None]
    for channel, colour in enumerate(metal):
        photo[..., channel] += np.bincount(pixel, colour, size * size).reshape(size, size) / 4
    return photo


def _metal(normal: Array, reach: Array, scene: _Scene, around: Array, rng: np.random.Generator) -> Array:
    """The colour of metal in some finish.

    Args:
        normal: unit normals, ``[3, points]``.
        reach: how much light reaches each point, ``[points]``.
        scene: the camera and the lights.
        around: the bench's mean colour, ``[3]``, which slopes mirror.
        rng: picks the finish and what the room looks like in it.

    Returns:
        Linear light, ``[3, points]``.
    """
    tint, scatter = _FINISHES[rng.integers(len(_FINISHES))]
    view = np.array([0, math.sin(scene.tilt), math.cos(scene.tilt)], np.float32)
    mirror = 2 * (view @ normal) * normal - view[:, None]
    gloss = rng.uniform(0.5, 1.0)
    clutter = np.sin(rng.uniform(-6, 6, 3).astype(np.float32) @ mirror + rng.uniform(0, 6))
    room = np.maximum(0.35 + 0.2 * mirror[2] + 0.16 * clutter, 0.05)
    lamp = np.clip((scene.lamp @ mirror - (1 - 0.35 * gloss)) / (0.3 * gloss), 0, 1)
    window = np.clip((scene.window @ mirror - 0.6) / 0.3, 0, 1)
    mirrored = room + 2.4 * scene.key * lamp * lamp + 0.7 * window
    below = np.clip(0.25 - mirror[2], 0, 1)
    spread = scene.key * np.maximum(scene.lamp @ normal, 0) / scene.lamp[2] + (1 - scene.key)
    seen = mirrored * (1 - below) + below * around[:, None]
    colour: Array = np.array(tint, np.float32)[:, None] ** 2 * ((1 - scatter) * seen + scatter * spread)
    return colour * (0.2 + 0.8 * reach)


def _develop(photo: Array, rng: np.random.Generator) -> Image.Image:
    """A phone's photo of linear light: fall-off, exposure, white balance, contrast, blur and noise."""
    size = photo.shape[0]
    x = np.linspace(-1, 1, size, dtype=np.float32)
    y = x[:, None]
    field = 1 + rng.uniform(-0.25, 0.25) * x + rng.uniform(-0.25, 0.25) * y
    field = field * (1 - rng.uniform(0.02, 0.16) * (x * x + y * y))
    warm, exposure = rng.uniform(-0.12, 0.12), rng.uniform(0.8, 1.3)
    balance = np.array([1 + warm, 1 + rng.uniform(-0.03, 0.03), 1 - warm], np.float32) * exposure
    exposed = photo * field[..., None]
    exposed *= balance * 4095
    contrast, curve = rng.uniform(0, 0.6), np.sqrt(np.linspace(0, 1, 4096))
    curve = (1 - contrast) * curve + contrast * curve * curve * (3 - 2 * curve)
    tone = (curve * 255).astype(np.uint8)[np.clip(exposed, 0, 4095).astype(np.uint16)]
    radius = float(rng.choice([0, 0.6, 1.2], p=[0.5, 0.35, 0.15])) * size / 320
    image = Image.fromarray(tone).filter(ImageFilter.GaussianBlur(radius))
    grain = rng.standard_normal((size, size, 3), np.float32)
    grain *= rng.uniform(1, 6)
    grain += np.asarray(image)
    return Image.fromarray(np.clip(grain, 0, 255, out=grain).astype(np.uint8))
