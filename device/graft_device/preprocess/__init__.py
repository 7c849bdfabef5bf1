"""Turns a photo into the pixels that the network takes: decodes, rotates, crops and resizes it.

This is the only copy of this code. Training and the board both use it, so that both see the same pixels.
"""

from __future__ import annotations

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_BYTES, MAX_PIXELS
from graft_device.preprocess.opening import check_header, checked_header, read_header, read_photo
from graft_device.preprocess.resizing import (
    CROP_FRACTION,
    RESIZE_RULES,
    UNUSUAL_VERSION,
    VERSION,
    PhotoSource,
    decode,
    fit,
    load,
    memory_needed,
    preprocess,
)

__all__ = [
    "CROP_FRACTION",
    "MAX_BYTES",
    "MAX_PIXELS",
    "RESIZE_RULES",
    "UNUSUAL_VERSION",
    "VERSION",
    "Header",
    "PhotoError",
    "PhotoSource",
    "check_header",
    "checked_header",
    "decode",
    "fit",
    "load",
    "memory_needed",
    "preprocess",
    "read_header",
    "read_photo",
]
