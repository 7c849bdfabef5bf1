"""Makes seeded variants of training photos: flipped, cropped, brighter or darker."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image, ImageEnhance

VERSION = 1
"""Increase it whenever the same photo, index and seed give another variant: cached bottlenecks are keyed by it."""

MIN_CROP_SIDE = 0.8
BRIGHTNESS = (0.75, 1.25)


def variant(image: Image.Image, digest: str, index: int, seed: int) -> Image.Image:
    """Makes a variant of a photo. The same content, index and seed always give the same variant.

    Args:
        image: the photo, upright and in RGB.
        digest: SHA-256 of the photo's content, in hex.
        index: number of the variant, from 1.
        seed: the seed of the run.

    Returns:
        An RGB image, perhaps mirrored, with 80 to 100% of each side and 0.75 to 1.25 times the brightness.
    """
    entropy = hashlib.sha256(f"graft-augment:{seed}:{digest}:{index}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(entropy[:16], "big"))
    width, height = image.size
    crop_width, crop_height = (max(1, round(side * rng.uniform(MIN_CROP_SIDE, 1))) for side in image.size)
    left, top = rng.integers(width - crop_width + 1), rng.integers(height - crop_height + 1)
    result = image.crop((int(left), int(top), int(left) + crop_width, int(top) + crop_height))
    if rng.random() < 0.5:  # noqa: PLR2004  a fair coin
        result = result.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ImageEnhance.Brightness(result).enhance(rng.uniform(*BRIGHTNESS))
