"""Refuses photos that would take too much memory to decode: a PNG of 30 kB may need a GB."""

from __future__ import annotations

from graft_device.errors import PhotoError
from graft_device.preprocess import check_header

JPEG_SHARE = 4
"""A JPEG may have this many times the pixels, since it is decoded at a fraction of its size, with 3 bytes per pixel.

Memory measured for images of 88 megapixels, in addition to the file itself: JPEG (progressive) 3 bytes per pixel, RGB
4, RGB rotated by EXIF 8, a palette with transparency 13, RGBA 16, 16-bit grey 19.
"""

_JPEG = b"\xff\xd8\xff"


def check_size(photo: bytes, limit: int) -> None:
    """Refuses a photo with too many pixels, from its header.

    Args:
        photo: the file's bytes.
        limit: the largest number of pixels; a JPEG may have ``JPEG_SHARE`` times as many.

    Raises:
        PhotoError: the photo has more pixels, or the bytes are not a photo.
    """
    width, height = check_header(photo)
    allowed = limit * JPEG_SHARE if photo.startswith(_JPEG) else limit
    if width * height > allowed:
        raise PhotoError(
            f"too large to decode here ({width} x {height}; the limit is {limit / 1e6:g} megapixels, or "
            f"{limit * JPEG_SHARE / 1e6:g} for a JPEG)",
            "send a smaller photo",
        )
