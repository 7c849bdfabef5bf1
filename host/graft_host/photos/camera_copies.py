"""Makes camera copies of photos: seeded copies that look as if a bad camera had taken them.

A copy is small, blurred, darker or brighter, tinted, noisy and compressed. Nothing here depends on any camera in
particular: each copy draws the strength of each fault from a wide range.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from graft_host.photos.drawn import Drawn

VERSION = 1
"""Increase it whenever the same photo, index and seed give another copy: cached bottlenecks are keyed by it."""

SHORTER_SIDE = (110, 240)
"""The range of the shorter side of a copy, in pixels."""

BLUR = (0.0, 1.5)
"""The range of the radius of the Gaussian blur, in pixels of the copy."""

GAMMA = (-0.4, 0.6)
"""The range of the logarithm of the exponent of the values from 0 to 1."""

GAIN = (-1.2, 0.1)
"""The range of the logarithm of the factor of all values."""

CHANNEL_GAIN = (-0.25, 0.25)
"""The range of the logarithm of the factor of each channel."""

GREY_COPIES = 0.3
"""The share of copies that lose colour."""

GREY = (0.0, 0.9)
"""The range of the share of its colour that such a copy loses."""

NOISE = (0.0, 9.0)
"""The range of the standard deviation of the noise, in levels."""

OFFSET = (0.0, 30.0)
"""The range of the levels that are added to all values, as stray light does."""

JPEG_QUALITY = (30, 90)
"""The range of the quality of the JPEG."""

_LONGEST = 2048  # pixels of the longer side: a strip of a photo would otherwise become a large image
_LEVELS = 255


def camera_copy(image: Image.Image, digest: str, index: int, seed: int) -> Image.Image:
    """Makes a camera copy of a photo. The same image, content, index and seed always give the same copy.

    The copy is as large as the camera made it, so it has to be resized for a network.

    Args:
        image: the photo, upright. Decode it at the same size for every network.
        digest: SHA-256 of the photo's content, in hex.
        index: number of the copy, from 1.
        seed: the seed of the run.
    """
    draw = Drawn(f"graft-camera-copy:{seed}:{digest}:{index}")
    small = _downscaled(image.convert("RGB"), draw.between(*SHORTER_SIDE))
    blurred = small.filter(ImageFilter.GaussianBlur(draw.between(*BLUR)))
    exposed = _exposed(blurred, draw)
    noisy = exposed + draw.between(*OFFSET) + draw.between(*NOISE) * draw.noise(exposed.shape)
    pixels = np.clip(np.rint(noisy), 0, _LEVELS).astype(np.uint8)
    return _compressed(Image.fromarray(pixels), round(draw.between(*JPEG_QUALITY)))


def _downscaled(image: Image.Image, shorter: float) -> Image.Image:
    """The image with a shorter side of so many pixels, or as it is where it is smaller."""
    scale = min(1.0, shorter / min(image.size))
    width, height = (min(_LONGEST, max(1, round(side * scale))) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _exposed(image: Image.Image, draw: Drawn) -> NDArray[np.float32]:
    """The values ``[H,W,3]`` after gamma, gain and loss of colour; 0 to 255 where nothing is overexposed."""
    gamma, gain = math.exp(draw.between(*GAMMA)), math.exp(draw.between(*GAIN))
    channels = [gain * math.exp(draw.between(*CHANNEL_GAIN)) for _ in range(3)]
    loses, loss = draw.between(0, 1) < GREY_COPIES, draw.between(*GREY)
    curve = [(level / _LEVELS) ** gamma * _LEVELS for level in range(_LEVELS + 1)]
    tables = np.array([[factor * value for value in curve] for factor in channels], np.float32)
    pixels = np.asarray(image)
    values: NDArray[np.float32] = np.stack(
        [table[pixels[:, :, channel]] for channel, table in enumerate(tables)], axis=2
    )
    if not loses:
        return values
    grey = (values[:, :, 0] + values[:, :, 1] + values[:, :, 2]) / np.float32(3)
    mixed: NDArray[np.float32] = values * np.float32(1 - loss) + grey[:, :, None] * np.float32(loss)
    return mixed


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    """The image after JPEG with half the resolution of colour, as cameras write it."""
    with io.BytesIO() as file:
        image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
        with Image.open(file) as stored:
            return stored.convert("RGB")
