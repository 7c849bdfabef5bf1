"""Reads image files and their headers, and opens them with the one decoder of Pillow that fits."""

from __future__ import annotations

import os
import warnings
from io import BytesIO

from PIL import Image

from graft_device.errors import PhotoError, os_reason
from graft_device.preprocess import bmp, gif, heif, jpeg, png, webp
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_BYTES, MAX_PIXELS
from graft_device.system.plain import open_plain

CUT_SHORT = "the image is cut short"


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
    header = checked_header(data)
    return header.width, header.height


def checked_header(data: bytes) -> Header:
    """Reads the structure of an image file and has its decoder check the header; no pixels are decoded.

    Raises:
        PhotoError: the bytes are not an image of a supported format, or decoding it would take too much time or memory.
    """
    header = read_header(data)
    opened(header).close()
    return header


def read_header(data: bytes) -> Header:
    """Reads the structure of an image file. Pillow is not needed for it, except for HEIC and AVIF.

    Raises:
        PhotoError: the bytes are not an image of a supported format, or decoding it would take too much time or memory.
    """
    if not data:
        raise PhotoError("the file is empty")
    header = _structure(data)
    if header.pixels > MAX_PIXELS:
        raise PhotoError(f"too large to decode ({header.width} x {header.height}; the limit is {MAX_PIXELS:,} pixels)")
    return header


def opened(header: Header) -> Image.Image:
    """Opens an image file with the decoder for its format; nothing is decoded yet.

    Raises:
        PhotoError: the file is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of bombs, whose size is checked here
            image = _decoder(header)
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError(_open_reason(error)) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise PhotoError(f"too large to decode ({width} x {height}; the limit is {MAX_PIXELS:,} pixels)")
    return image


def decode_reason(error: Exception) -> str:
    """The reason why pixels cannot be decoded, from the decoder's error."""
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text or "Truncated" in text:
        return CUT_SHORT
    return f"cannot be decoded ({text})"


def _structure(data: bytes) -> Header:
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.read(data)
    if data.startswith(png.SIGNATURE):
        return png.read(data)
    if data.startswith(gif.SIGNATURES):
        return gif.read(data)
    if webp.is_webp(data):
        return webp.read(data)
    if data.startswith(bmp.SIGNATURE):
        return bmp.read(data)
    if heif.is_heif(data):
        return heif.read(data)
    raise PhotoError("not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image")


def _decoder(header: Header) -> Image.Image:
    """Opens a file with the one decoder for its format: ``Image.open`` would load, and may try, all of Pillow's."""
    file = BytesIO(header.data)
    if header.kind == "JPEG":
        from PIL import JpegImagePlugin

        return JpegImagePlugin.JpegImageFile(file)
    if header.kind == "PNG":
        from PIL import PngImagePlugin

        return PngImagePlugin.PngImageFile(file)
    if header.kind == "GIF":
        from PIL import GifImagePlugin

        return GifImagePlugin.GifImageFile(file)
    if header.kind == "BMP":
        from PIL import BmpImagePlugin

        return BmpImagePlugin.BmpImageFile(file)
    if header.kind == "WEBP":
        from PIL import WebPImagePlugin

        return WebPImagePlugin.WebPImageFile(file)
    return heif.opened(header)


def _open_reason(error: Exception) -> str:
    if isinstance(error, (SyntaxError, EOFError, IndexError)):  # Pillow's errors for a header that it cannot read
        return "the image is cut short or damaged"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"too large to decode (over {MAX_PIXELS:,} pixels)"
    return decode_reason(error)
