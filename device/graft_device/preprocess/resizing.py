"""Decodes a photo as an upright RGB image, and resizes it for the network."""

from __future__ import annotations

import os
import random
from typing import Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess.colour import to_rgb
from graft_device.preprocess.headers import Header
from graft_device.preprocess.opening import CUT_SHORT, decode_reason, opened, read_header, read_photo
from graft_device.preprocess.orientation import ORIENTATION

PhotoSource = Union[str, "os.PathLike[str]", bytes, Image.Image, NDArray[np.generic]]
"""A photo: a path, the bytes of a file, a Pillow image, or a uint8 array ``[H,W]``, ``[H,W,3]`` or ``[H,W,4]``."""

RESIZE_RULES = ("squash", "crop")

VERSION = 1
"""Increases when the same photo gives other pixels. It is part of the key of cached bottlenecks."""

UNUSUAL_VERSION = 1
"""Increases when a photo whose ``Header.unusual`` is true gives other pixels, and ordinary photos do not.

It is part of the key of the cached bottlenecks of these photos alone.
"""

CROP_FRACTION = 0.875
"""The share of each side that ``crop`` keeps, as in Inception's preprocessing for evaluation."""

_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RGB_BYTES = 4
_STRIPS = 16 << 20  # what converting strip by strip takes, and the decoder's tables
_NOISE_BYTES = 4096  # the pixels that are coded together take 2 kB at most
_SCALES = (8, 4, 2)


def preprocess(source: PhotoSource, size: int, rule: str = "squash") -> NDArray[np.uint8]:
    """Reads a photo and resizes it for the network.

    Args:
        source: a path, the bytes of an image file, a Pillow image, or an array ``[H,W]``, ``[H,W,3]`` or ``[H,W,4]``
            of uint8.
        size: the width and height S of the network's input in pixels.
        rule: ``squash`` resizes the whole photo to a square; ``crop`` resizes its central 87.5%.

    Returns:
        RGB pixels ``[S,S,3]``, uint8.

    Raises:
        PhotoError: the photo cannot be read. The message is the reason, without the file's name.
        ValueError: the rule is unknown.
    """
    return fit(load(source, size, rule), size, rule)


def load(source: PhotoSource, size: int | None = None, rule: str = "squash") -> Image.Image:
    """Decodes a photo as an upright RGB image.

    Args:
        source: a path, the bytes of an image file, a Pillow image, or an array ``[H,W]``, ``[H,W,3]`` or ``[H,W,4]``
            of uint8.
        size: the size for a later ``fit(image, size, rule)``. A JPEG may then be decoded at 1/2, 1/4 or 1/8 of its
            size, which is several times faster for large photos. None means full size.
        rule: the resize rule of the later ``fit``.

    Raises:
        PhotoError: the photo cannot be read. The message is the reason, without the file's name.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise PhotoError(f"an image of {source.width} x {source.height} pixels")
        return _from_image(source)
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise PhotoError(f"a {type(source).__name__}", "give a path, a file's bytes, a Pillow image or an array")
    data = source if isinstance(source, bytes) else read_photo(source)
    return decode(read_header(data), size, rule)


def decode(header: Header, size: int | None = None, rule: str = "squash") -> Image.Image:
    """Decodes an image file as an upright RGB image.

    Args:
        header: from ``read_header``.
        size: the size for a later ``fit(image, size, rule)``; None means full size.
        rule: the resize rule of the later ``fit``.

    Raises:
        PhotoError: the pixels cannot be decoded.
    """
    image = _decoded(header, size, rule)
    if not header.ended and image.tobytes() != _decoded(_padded(header), size, rule).tobytes():
        raise PhotoError(CUT_SHORT)
    turn = _TURNS.get(header.orientation)
    return image if turn is None else image.transpose(turn)


def memory_needed(header: Header, size: int, rule: str = "squash") -> int:
    """The memory that decoding takes at most, in bytes, in addition to the file itself.

    Args:
        header: from ``read_header``.
        size: the size of the network's input in pixels; 0 for the whole photo as it is.
        rule: the resize rule.
    """
    scale = _draft_scale(header, size, rule) if size and header.kind == "JPEG" else 1
    pixels = -(-header.width // scale) * -(-header.height // scale)
    turned = header.orientation in _TURNS
    copies = pixels * max(header.depth + _RGB_BYTES, 2 * _RGB_BYTES if turned or not header.ended else 0)
    return copies + header.extra + _STRIPS


def fit(image: Image.Image, size: int, rule: str = "squash") -> NDArray[np.uint8]:
    """Resizes an RGB image with antialiased bilinear interpolation.

    Args:
        image: an upright RGB image.
        size: the width and height S of the result in pixels.
        rule: ``squash`` resizes the whole image to a square; ``crop`` resizes its central 87.5%.

    Returns:
        RGB pixels ``[S,S,3]``, uint8.

    Raises:
        ValueError: the rule is unknown.
    """
    if rule not in RESIZE_RULES:
        raise ValueError(f"unknown resize rule {rule!r}; choose one of {', '.join(RESIZE_RULES)}")
    box = None
    if rule == "crop":
        margin = (1 - CROP_FRACTION) / 2
        width, height = image.size
        box = (width * margin, height * margin, width * (1 - margin), height * (1 - margin))
    resized = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized, dtype=np.uint8)


def _decoded(header: Header, size: int | None, rule: str) -> Image.Image:
    """The file's pixels as RGB, as stored."""
    image = opened(header)
    try:
        if size is not None and header.kind == "JPEG":
            image.draft(None, (_needed(size, rule),) * 2)
        image.load()
        converted = to_rgb(image, header)
    except Exception as error:
        raise PhotoError(decode_reason(error)) from error
    if converted is not image:
        image.close()
    return converted


def _needed(size: int, rule: str) -> int:
    """The smallest side that is enough for a later ``fit``."""
    return size if rule == "squash" else int(np.ceil(size / CROP_FRACTION)) + 1


def _draft_scale(header: Header, size: int, rule: str) -> int:
    """The divisor by which ``Image.draft`` reduces a JPEG."""
    needed = _needed(size, rule)
    possible = min(header.width // needed, header.height // needed)
    return next((scale for scale in _SCALES if possible >= scale), 1)


def _padded(header: Header) -> Header:
    """A JPEG without its end marker, with noise instead of the end: it changes the pixels if any of them is missing.

    Restart markers keep a decoder from skipping the noise where the file ends before such a marker.
    """
    noise = random.Random(0)  # noqa: S311  the same noise each time
    restarts = [bytes([0xFF, 0xD0 + index]) if header.restarts else b"" for index in range(8)]
    pieces = [bytes(noise.choices(range(255), k=_NOISE_BYTES)) + restart for restart in restarts * 2]
    return Header(**{**header.__dict__, "parts": (*header.parts[:-1], *pieces, header.parts[-1])})


def _from_image(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return to_rgb(_upright(image))
    except Exception as error:
        raise PhotoError(decode_reason(error)) from error


def _upright(image: Image.Image) -> Image.Image:
    """Rotates and flips the image according to its EXIF orientation. A damaged EXIF block is ignored.

    ``ImageOps.exif_transpose`` also rewrites the block, which fails for other tags that some cameras write wrongly.
    """
    try:
        turn = _TURNS.get(image.getexif().get(ORIENTATION))
    except Exception:  # noqa: BLE001  the block is free-form bytes
        return image
    return image if turn is None else image.transpose(turn)


def _from_array(array: NDArray[np.generic]) -> Image.Image:
    if array.dtype != np.uint8:
        raise PhotoError(f"an array of {array.dtype}", "give uint8")
    known = (len(array.shape), *array.shape[2:]) in {(2,), (3, 3), (3, 4)}
    if not known or 0 in array.shape:
        raise PhotoError(f"an array of shape {list(array.shape)}", "give [H,W], [H,W,3] or [H,W,4]")
    return to_rgb(Image.fromarray(np.ascontiguousarray(array)))
