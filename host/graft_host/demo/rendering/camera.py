"""The camera of a rendered photo: what it sees when it is tilted, and how it turns light into an image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graft_host.demo.rendering.noise import Array
    from graft_host.demo.rendering.scene import Relief, Scene


def lay(tone: Array, scene: Scene, rng: np.random.Generator) -> Array:
    """Lays a texture, one and a half times as wide as the photo, on the bench at some angle, as the camera sees it."""
    turn, zoom, half, middle = rng.uniform(0, 2 * math.pi), 0.86, scene.size / 2, tone.shape[0] / 2
    cos, sin, deep = zoom * math.cos(turn), zoom * math.sin(turn), 1 / math.cos(scene.tilt)
    fall = 0.25 * math.sin(scene.tilt) / scene.size
    # Pillow divides by g x + h y + 1, so the far side, at the top, shows more of the texture.
    near = 1 - fall * half
    row_x = (cos, middle * fall - sin * deep, middle * near + (sin * deep - cos) * half)
    row_y = (sin, middle * fall + cos * deep, middle * near - (sin + cos * deep) * half)
    terms = [term / near for term in (*row_x, *row_y, 0.0, fall)]
    method, resampling = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(tone).transform((scene.size, scene.size), method, terms, resampling))


def trace(relief: Relief, scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Finds what the tilted camera sees of the parts.

    Returns:
        Two arrays of row-major indices on the grid, ``[points]``: where metal is seen, and which texel is seen there.
    """
    peak, (rows, wide) = float(relief.upper.max()), relief.upper.shape
    rise = peak * math.sin(scene.tilt)
    # At most one texel per level, or walls would show gaps.
    levels = max(math.ceil(rise), 8)
    # Bytes are twice as fast.
    kind = np.dtype(np.uint8 if levels < np.iinfo(np.uint8).max else np.uint16)
    filled = np.flatnonzero(relief.upper.any(axis=1))
    top, bottom = int(filled[0]), int(filled[-1]) + 1
    low = np.floor(relief.lower[top:bottom] * (levels / peak)).astype(kind)
    thick = np.ceil(relief.upper[top:bottom] * (levels / peak)).astype(kind) - low
    seen = np.zeros((rows, wide), kind)
    shifts = np.round(np.arange(levels + 1) * (rise / levels)).astype(np.int64)
    # From the bench upwards, so that higher points hide those behind them.
    for level in range(1, levels + 1):
        shift = int(shifts[level])
        if shift >= bottom:
            break
        start = max(top, shift)
        # Unsigned, so levels below the underside wrap around to more than the thickness.
        metal = kind.type(level) - low[start - top :] <= thick[start - top :]
        np.copyto(seen[start - shift : bottom - shift], kind.type(level), where=metal)
    hits = np.flatnonzero(seen[: 2 * scene.size])
    return hits, hits + shifts[seen.ravel()[hits]] * wide


def develop(photo: Array, rng: np.random.Generator, noise: np.random.Generator) -> Image.Image:
    """Turns linear light into a phone's photo, with fall-off, exposure, white balance, contrast, blur and noise.

    Args:
        photo: linear light, ``[size, size, 3]``.
        rng: chooses the camera's settings and the strength of the noise.
        noise: makes the noise.
    """
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
    grain = noise.standard_normal((size, size, 3), np.float32)
    grain *= rng.uniform(1, 6)
    grain += np.asarray(image)
    return Image.fromarray(np.clip(grain, 0, 255, out=grain).astype(np.uint8))
