"""Photos small enough to be kept inside a page."""

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
    """A photo, upright and whole, as a JPEG of at most 224 pixels a side and 14 kB, with nothing but its pixels.

    Raises:
        PhotoError: the photo cannot be read.
    """
    whole = load(path, _SIDE)
    whole.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    small = Image.new("RGB", whole.size)
    small.paste(whole)  # leaves comments and colour profiles behind
    for quality in _QUALITIES:
        data = io.BytesIO()
        small.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= _MAX_BYTES:
            break
    return data.getvalue()


def picture(path: Path, words: str) -> str:
    """An ``<img>`` that holds the photo, or a box that says why there is none; ``words`` say what it shows."""
    try:
        data = thumbnail(path)
    except PhotoError as error:
        return f'<div class="missing" role="img" aria-label="{attribute(words)}"><span>{text(error)}</span></div>'
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data).decode()}" alt="{attribute(words)}">'
