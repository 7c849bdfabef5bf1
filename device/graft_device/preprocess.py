"""Turns a photo into the pixels that the network takes: decodes, rotates, crops and resizes it.

This is the only copy of this code. Training and the board both use it, so that both see the same pixels.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from graft_device.errors import PhotoError, os_reason
from graft_device.system.plain import open_plain

PhotoSource = Union[str, "os.PathLike[str]", bytes, Image.Image, NDArray[np.generic]]
"""A photo: a path, the bytes of a file, a Pillow image, or a uint8 array ``[H,W]``, ``[H,W,3]`` or ``[H,W,4]``."""

RESIZE_RULES = ("squash", "crop")

VERSION = 1
"""Increases when the same photo gives other pixels. It is part of the key of cached bottlenecks."""

MAX_PIXELS = 89_478_485
"""The largest image that is decoded, in pixels: a quarter of a GiB as RGB, the limit of Pillow's warning."""

MAX_BYTES = 4 * MAX_PIXELS + (1 << 20)
"""The largest file that is read, in bytes: the largest image uncompressed with alpha, and 1 MiB of metadata."""

CROP_FRACTION = 0.875
"""The share of each side that ``crop`` keeps, as in Inception's preprocessing for evaluation."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_ORIENTATION = 0x0112
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CUT_SHORT = "the image is cut short"
_WHITE = (255, 255, 255, 255)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_HEIF_BRANDS = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1")


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
        return _finished(source)
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise PhotoError(f"a {type(source).__name__}", "give a path, a file's bytes, a Pillow image or an array")
    data = source if isinstance(source, bytes) else read_photo(source)
    with _opened(data) as image:
        if size is not None and image.format in {"JPEG", "MPO"}:
            needed = size if rule == "squash" else int(np.ceil(size / CROP_FRACTION)) + 1
            image.draft(None, (needed, needed))
        return _finished(image)


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


def read_photo(path: str | os.PathLike[str]) -> bytes:
    """Reads an image file; raises PhotoError for a folder, a pipe or a device instead of waiting for it."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > MAX_BYTES else file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(os_reason(error)) from error
    except ValueError as error:
        raise PhotoError(f"not a file name ({error})") from error
    size = max(size, len(data))
    if size > MAX_BYTES:
        raise PhotoError(f"too large to read ({size:,} bytes; the limit is {MAX_BYTES:,})")
    return data


def check_header(data: bytes) -> tuple[int, int]:
    """Checks the header of an image file without decoding the pixels.

    Returns:
        Width and height in pixels, as stored.

    Raises:
        PhotoError: the bytes are not an image of a supported format, or the image is too large to decode.
    """
    with _opened(data) as image:
        width, height = image.size
        return width, height


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise PhotoError("the file is empty")
    try:
        image = _opened_as_jpeg(data) or Image.open(BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise PhotoError(_unknown_reason(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"too large to decode (over {MAX_PIXELS:,} pixels)") from error
    except Exception as error:
        raise PhotoError(_CUT_SHORT if _webp_cut_short(data) else _decode_reason(error)) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise PhotoError(f"too large to decode ({width} x {height}; the limit is {MAX_PIXELS:,} pixels)")
    return image


def _opened_as_jpeg(data: bytes) -> Image.Image | None:
    """Opens a JPEG without loading Pillow's other formats, which takes 6 ms; returns None for other formats."""
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        from PIL import JpegImagePlugin

        image: Image.Image = JpegImagePlugin.jpeg_factory(BytesIO(data), "")
    except Exception:  # noqa: BLE001  Image.open reports what is wrong
        return None
    return image


def _webp_cut_short(data: bytes) -> bool:
    """Whether a WebP file is shorter than its header declares; the decoder gives no reason."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) < int.from_bytes(data[4:8], "little") + 8


def _unknown_reason(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "a HEIC photo, which is not supported; convert it to JPEG first"
    if data.startswith(_SIGNATURES):
        return "the image is cut short or damaged"
    return "not a JPEG, PNG, WebP, BMP or GIF image"


def _decode_reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text or "Truncated" in text:
        return _CUT_SHORT
    return f"cannot be decoded ({text})"


def _finished(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _to_rgb(_upright(image))
    except Exception as error:
        raise PhotoError(_decode_reason(error)) from error


def _upright(image: Image.Image) -> Image.Image:
    """Rotates and flips the image according to its EXIF orientation. A damaged EXIF block is ignored.

    ``ImageOps.exif_transpose`` also rewrites the block, which fails for other tags that some cameras write wrongly.
    """
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION))
    except Exception:  # noqa: BLE001  the block is free-form bytes
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA", "La", "RGBa"}:
        straight = image.convert("LA") if image.mode == "La" else image
        return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), straight.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _from_array(array: NDArray[np.generic]) -> Image.Image:
    if array.dtype != np.uint8:
        raise PhotoError(f"an array of {array.dtype}", "give uint8")
    known = (len(array.shape), *array.shape[2:]) in {(2,), (3, 3), (3, 4)}
    if not known or 0 in array.shape:
        raise PhotoError(f"an array of shape {list(array.shape)}", "give [H,W], [H,W,3] or [H,W,4]")
    return _to_rgb(Image.fromarray(np.ascontiguousarray(array)))
