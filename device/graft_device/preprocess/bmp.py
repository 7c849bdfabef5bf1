"""Reads the header of a BMP file: its size and its depth."""

from __future__ import annotations

import struct

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header

SIGNATURE = b"BM"

_START, _OLD_HEADER = 14, 12
_ALPHA_BITS = 32
_PACKED = {1, 2}  # run lengths of 8 and 4 bits, which Pillow unpacks in Python
_SLACK = 65_536


def read(data: bytes) -> Header:
    """Reads the header of a BMP.

    Raises:
        PhotoError: the header is cut short, or run lengths take far more bytes than pixels.
    """
    try:
        (size,) = struct.unpack_from("<I", data, _START)
        if size == _OLD_HEADER:
            width, height, _, bits = struct.unpack_from("<HHHH", data, _START + 4)
            compression = 0
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, _START + 4)
    except struct.error as error:
        raise PhotoError("the image is cut short or damaged") from error
    width, height = abs(width), abs(height)
    if compression in _PACKED and len(data) > 2 * width * height + 4 * height + _SLACK:
        raise PhotoError("damaged, with far more bytes than pixels")
    return Header(
        kind="BMP",
        width=width,
        height=height,
        depth=1 if bits <= 8 else 4,  # noqa: PLR2004
        parts=(data,),
        extra=width * height if compression in _PACKED else 0,
        unusual=bits == _ALPHA_BITS and compression not in {0, *_PACKED},
    )
