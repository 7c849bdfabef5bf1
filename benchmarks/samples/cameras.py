"""Five simulated cameras: what each of them makes of a photo.

They stand in for the cameras of boards. They share no code and no parameters with ``graft_host.photos.camera_copies``,
which must help with cameras that it does not know.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Camera = Callable[[Image.Image, np.random.Generator], bytes]
"""Takes a photo and the camera's random numbers for it; returns the JPEG that the camera writes of the same scene."""

_MEDIUM = Image.Resampling.BICUBIC


def taken(name: str, image: Image.Image, digest: str) -> bytes:
    """The JPEG that a camera writes of what a photo shows.

    Args:
        name: of the camera.
        image: the photo, in RGB.
        digest: SHA-256 of the photo's content, in hex; the noise follows from it.
    """
    entropy = hashlib.sha256(f"{name} {digest}".encode()).digest()
    return CAMERAS[name](image, np.random.default_rng(int.from_bytes(entropy[:8], "little")))


def _dim(image: Image.Image, random: np.random.Generator) -> bytes:
    """A cheap camera in a corner that one warm bulb lights: few electrons, much noise, dark edges."""
    scene = _linear(image.resize((160, 120), _MEDIUM))
    across, down = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 120))
    light = np.exp(-((across - random.uniform(-0.5, 0.5)) ** 2 + (down + 0.4) ** 2) * 0.9)
    electrons = scene * light[..., None] * np.array([95.0, 62.0, 30.0]) * random.uniform(0.45, 1.0)
    counted = random.poisson(electrons) + random.normal(0, 2.2, electrons.shape)
    return _jpeg(_encoded(np.clip(counted, 0, None) / 110), 62)


def _fisheye(image: Image.Image, random: np.random.Generator) -> bytes:
    """A door viewer: a round field of view, strongly bent lines, colour fringes, a black border."""
    side = 230
    tilt = random.uniform(-0.12, 0.12, 2)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    radius = np.hypot(across, down)
    planes: list[NDArray[np.float32]] = []
    source = np.asarray(image.resize((300, 300), _MEDIUM), np.float32)
    for bend in (1.18, 1.22, 1.26):  # of red, green, blue
        angle = np.clip(radius * bend, 0, 1.45)
        scale = np.tan(angle) / np.maximum(radius, 1e-6) / np.tan(1.22)
        columns = np.clip((across * scale * 0.95 + tilt[0] + 1) / 2 * 299, 0, 299).astype(int)
        rows = np.clip((down * scale * 0.95 + tilt[1] + 1) / 2 * 299, 0, 299).astype(int)
        planes.append(source[:, :, len(planes)][rows, columns])
    shade = np.clip((0.99 - radius) * 14, 0, 1) * (1 - 0.35 * radius**2)
    return _jpeg(np.stack(planes, axis=2) * shade[..., None], 78)


def _infrared(image: Image.Image, random: np.random.Generator) -> bytes:
    """A night camera with its own lamp: no colour, foliage and skin bright, a hot spot, streaks of lines."""
    red, green, blue = np.moveaxis(np.asarray(image.resize((256, 192), _MEDIUM), np.float32), 2, 0)
    near_infrared = 0.95 * red + 0.45 * green - 0.38 * blue + 22
    across, down = np.meshgrid(np.linspace(-1, 1, 256), np.linspace(-1, 1, 192))
    lamp = 0.35 + 1.05 * np.exp(-(across**2 + down**2) * 1.7)
    lit = np.clip(near_infrared, 0, None) * lamp + random.normal(0, 3.5, (192, 1)) + random.normal(0, 7, (192, 256))
    contrast = 255 / (1 + np.exp(-(lit - 118) / 34))
    return _jpeg(np.repeat(contrast[..., None], 3, axis=2) * np.array([1.0, 0.97, 1.02]), 70)


def _doorway(image: Image.Image, random: np.random.Generator) -> bytes:
    """A camera above a door that moves with it: 96 pixels high, smeared along a line, hard JPEG."""
    small = image.resize((128, 96), Image.Resampling.BOX)
    length, direction = int(random.integers(4, 9)), random.uniform(0, np.pi)
    path = [
        (round(step * np.cos(direction)), round(step * np.sin(direction)))
        for step in np.arange(length) - (length - 1) / 2
    ]
    smeared = np.mean([np.asarray(ImageChops.offset(small, *shift), np.float32) for shift in path], axis=0)
    return _jpeg(np.clip((smeared - 12) * 1.12, 0, 255), 18)


def _hazy(image: Image.Image, random: np.random.Generator) -> bytes:
    """A greasy lens against a bright window: veiling light from one side, halos, washed-out bluish shadows."""
    width, height = 288, 216
    scene = image.resize((width, height), _MEDIUM)
    window = Image.new("L", (width, height))
    left = int(random.integers(0, width - 90))
    ImageDraw.Draw(window).rectangle((left, 0, left + 90, 95), fill=255)
    glare = np.asarray(window.filter(ImageFilter.GaussianBlur(46)), np.float32)[..., None] / 255
    halo = np.asarray(scene.filter(ImageFilter.GaussianBlur(9)), np.float32)
    veiled = 0.30 * np.asarray(scene, np.float32) + 0.27 * halo + np.array([58.0, 66.0, 78.0])
    return _jpeg(veiled * (1 - 0.8 * glare) + 250 * 0.8 * glare + random.normal(0, 2.5, veiled.shape), 74)


CAMERAS: dict[str, Camera] = {
    "dim": _dim,
    "fisheye": _fisheye,
    "infrared": _infrared,
    "doorway": _doorway,
    "hazy": _hazy,
}
"""The cameras by name."""


def _linear(image: Image.Image) -> NDArray[np.float64]:
    """Light from 0 to 1."""
    light: NDArray[np.float64] = (np.asarray(image, np.float64) / 255) ** 2.2
    return light


def _encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels for light from 0 to 1."""
    levels: NDArray[np.float64] = 255 * np.clip(light, 0, 1) ** (1 / 2.2)
    return levels


def _jpeg(levels: NDArray[Any], quality: int) -> bytes:
    """A JPEG of levels ``[H,W,3]``."""
    with io.BytesIO() as file:
        Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return file.getvalue()
