"""Reads the structure of a GIF file (GIF89a) up to its first frame: its size and its transparency.

The decoder gets the first frame alone: comments and the data of applications, which Pillow would collect, are left out.
"""

from __future__ import annotations

import struct

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_PARTS

SIGNATURES = (b"GIF87a", b"GIF89a")

DAMAGED = "the image is cut short or damaged"

_EXTENSION, _IMAGE, _TRAILER, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9
_SCREEN, _DESCRIPTOR = 13, 10
_COLOURS = 0x80


def read(data: bytes) -> Header:
    """Reads the structure of a GIF.

    Raises:
        PhotoError: the file is damaged, has no frame, or too much in front of it.
    """
    if len(data) < _SCREEN:
        raise PhotoError(DAMAGED)
    view = memoryview(data)
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = _SCREEN + _table(flags)
    kept: list[memoryview | bytes] = [view[:place]]
    blocks = 0
    while place < len(data) and data[place] not in {_IMAGE, _TRAILER}:
        if data[place] != _EXTENSION:  # Pillow skips other bytes, and so do we
            place += 1
            blocks += 1
        else:
            end, count = _after_blocks(data, place + 2, MAX_PARTS - blocks)
            blocks += count
            if data[place + 1 : place + 2] == bytes([_CONTROL]):
                kept.append(view[place:end])
            place = end
        if blocks >= MAX_PARTS:
            raise PhotoError(f"damaged, with more than {MAX_PARTS:,} blocks in front of its first frame")
    if place + _DESCRIPTOR > len(data) or data[place] == _TRAILER:
        raise PhotoError(DAMAGED)
    left, top, across, down = struct.unpack_from("<HHHH", data, place + 1)
    return Header(
        kind="GIF",
        width=max(width, left + across),
        height=max(height, top + down),
        depth=1,
        parts=(*kept, view[place:]),
        extra=across * down,
    )


def _table(flags: int) -> int:
    """The bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & _COLOURS else 0


def _after_blocks(data: bytes, place: int, most: int) -> tuple[int, int]:
    """Returns the place behind a row of sub-blocks, and their number; stops after ``most``."""
    for count in range(max(most, 1)):
        if place >= len(data):
            return len(data), count
        length = data[place]
        place += 1 + length
        if not length:
            return place, count
    return place, most
