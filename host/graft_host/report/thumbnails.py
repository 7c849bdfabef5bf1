"""Makes thumbnails of photos that are embedded in a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import load
from graft_host.report.page import attribute, text

_SIDE = 224
_MAX_BYTES = 14_000  # 19 kB as base64
_QUALITIES = (78, 66, 54, 42, 30, 18)


def thumbnail(path: Path) -> bytes:
    """Makes an upright JPEG of the whole photo, with at most 224 pixels a side and about 14 kB, without metadata.

    Raises:
        PhotoError: the photo cannot be read.
    """
    whole = load(path, _SIDE)
    whole.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    small = Image.new("RGB", whole.size)
    small.paste(whole)  # drops comments and colour profiles
    for quality in _QUALITIES:
        data = io.BytesIO()
        small.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= _MAX_BYTES:
            break
    return data.getvalue()


def picture(path: Path, description: str) -> str:
    """Makes an ``<img>`` with the thumbnail, or a box with the reason why the photo cannot be read.

    Args:
        path: the photo.
        description: the text for screen readers.
    """
    try:
        data = thumbnail(path)
    except PhotoError as error:
        return f'<div class="missing" role="img" aria-label="{attribute(description)}"><span>{text(error)}</span></div>'
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data).decode()}" alt="{attribute(description)}">'
