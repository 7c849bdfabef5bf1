"""Backgrounds, noise and light that the rendered sets share. Arrays of pixels are float32, from 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

SIDE = 256
"""Pixels of a side of each rendered photo."""

Pixels = NDArray[np.float32]


def smooth_noise(rng: np.random.Generator, high: int, wide: int) -> Pixels:
    """Noise ``[SIDE,SIDE]`` from 0 to 1 that changes over about so many pixels downwards and to the right."""
    coarse = rng.random((SIDE // high + 2, SIDE // wide + 2)).astype(np.float32)
    image = Image.fromarray(coarse, mode="F").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image, np.float32), 0, 1)


def background(rng: np.random.Generator) -> Image.Image:
    """A wall, cloth or floor: one colour, a texture and grain."""
    colour = rng.uniform(40, 215, 3).astype(np.float32)
    cell = int(rng.choice([3, 10, 32, 80]))
    texture = smooth_noise(rng, cell, cell)[..., np.newaxis] - 0.5
    return to_image(colour + texture * rng.uniform(15, 100) + grain(rng, rng.uniform(1, 5)))


def grain(rng: np.random.Generator, deviation: float) -> Pixels:
    """The noise of a sensor, ``[SIDE,SIDE,3]``."""
    return rng.normal(0, deviation, (SIDE, SIDE, 3)).astype(np.float32)


def to_image(pixels: Pixels) -> Image.Image:
    """Pixels ``[H,W,3]`` as an image; values beyond 0 and 255 are cut off."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def photographed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """The image as a camera takes it: slightly out of focus, and brighter on one side."""
    blurred = image.convert("RGB").filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.3)))
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * ramp[np.newaxis, :] + np.sin(angle) * ramp[:, np.newaxis]
    light = rng.uniform(0.7, 1.15) * (1 + rng.uniform(0, 0.2) * slope[..., np.newaxis])
    return to_image(np.asarray(blurred, np.float32) * light)
