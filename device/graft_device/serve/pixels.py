"""Pictures that would take more memory than a board has: a PNG of 30 kB may need a GB to decode."""

from __future__ import annotations

from graft_device.errors import PhotoError
from graft_device.preprocess import check_header

JPEG_SHARE = 4
"""A JPEG may have so many times the pixels: it is decoded at a fraction of its size, at 3 bytes a pixel or so.

Measured for pictures of 88 megapixels, beyond the photo itself: JPEG (progressive) 3 bytes a pixel, RGB 4, RGB turned
by EXIF 8, a palette with transparency 13, RGBA 16, 16-bit grey 19.
"""

_JPEG = b"\xff\xd8\xff"


def check_size(photo: bytes, limit: int) -> None:
    """Refuses a photo of too many pixels, by its header.

    Args:
        photo: the file's bytes.
        limit: pixels; of a JPEG, ``JPEG_SHARE`` times as many.

    Raises:
        PhotoError: it has more, or is no photo.
    """
    width, height = check_header(photo)
    allowed = limit * JPEG_SHARE if photo.startswith(_JPEG) else limit
    if width * height > allowed:
        raise PhotoError(
            f"too large to decode here ({width} x {height}; the limit is {limit / 1e6:g} megapixels, of a JPEG "
            f"{limit * JPEG_SHARE / 1e6:g}): send a smaller photo"
        )
