"""Reads the structure of a WebP file (RFC 9649): its size and its orientation."""

from __future__ import annotations

from collections.abc import Iterator

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_PARTS
from graft_device.preprocess.orientation import from_exif, from_xmp

DAMAGED = "the image is cut short or damaged"
CUT_SHORT = "the image is cut short"

_DEPTH, _DECODER = 4, 10
"""Bytes per pixel: of the result, and of the decoder's two canvases, its copy of the frame and its work space.

Together with the copy as RGB, this is 18; 17 were measured for 16 megapixels with alpha.
"""

_LOSSLESS = 0x2F


def is_webp(data: bytes) -> bool:
    """Whether a file is a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read(data: bytes) -> Header:
    """Reads the structure of a WebP file.

    Raises:
        PhotoError: the file is cut short, or has no picture.
    """
    if len(data) < int.from_bytes(data[4:8], "little") + 8:
        raise PhotoError(CUT_SHORT)
    size: tuple[int, int] | None = None
    exif = xmp = None
    for kind, body in _chunks(memoryview(data)):
        if size is None:
            size = _size(kind, bytes(body[:10]))
        if kind == b"EXIF" and exif is None:
            exif = from_exif(body)
        elif kind == b"XMP " and xmp is None:
            xmp = from_xmp(body)
    if size is None:
        raise PhotoError(DAMAGED)
    width, height = size
    return Header(
        kind="WEBP",
        width=width,
        height=height,
        depth=_DEPTH,
        parts=(data,),
        orientation=exif or xmp or 1,
        extra=width * height * _DECODER,
        unusual=exif is None and xmp not in {None, 1},
    )


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    place = 12
    for _ in range(MAX_PARTS):
        if place + 8 > len(view):
            return
        length = int.from_bytes(view[place + 4 : place + 8], "little")
        yield bytes(view[place : place + 4]), view[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
    raise PhotoError(f"damaged, with more than {MAX_PARTS:,} chunks")


def _size(kind: bytes, body: bytes) -> tuple[int, int] | None:
    """Width and height, from the first chunk that has them."""
    if kind == b"VP8X" and len(body) == 10:  # noqa: PLR2004
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and body[:1] == bytes([_LOSSLESS]):
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
