"""Makes a JPEG of an image, for everything that keeps or sends pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def jpeg_of(image: Image.Image, quality: int) -> bytes:
    """An RGB image as the bytes of a JPEG file without metadata; ``quality`` is Pillow's, 1 to 95."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
