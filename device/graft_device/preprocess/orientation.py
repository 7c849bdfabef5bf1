"""Finds the orientation of a photo in EXIF and XMP, without unpacking either.

Pillow copies the value of every tag, however often a file refers to the same bytes: 64 kB of EXIF can take 300 MB.
"""

from __future__ import annotations

import re
import struct
import zlib

from graft_device.preprocess.limits import MAX_TEXT

ORIENTATION = 0x0112
"""The EXIF tag."""

_ENTRY = 12
_UPRIGHT, _LAST = 1, 8
_VALUES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")


def from_exif(block: bytes | memoryview) -> int | None:
    """The orientation in an EXIF block; None if there is none, or none that has a meaning.

    Args:
        block: a TIFF header and what it refers to, with or without ``Exif`` in front.
    """
    block = bytes(block[:MAX_TEXT])
    if block.startswith(b"Exif\0\0"):
        block = block[6:]
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for place in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
            tag, kind, values = struct.unpack_from(f"{order}HHI", block, place)
            if tag == ORIENTATION and values and kind in _VALUES:
                (value,) = struct.unpack_from(order + _VALUES[kind], block, place + 8)
                return value if _UPRIGHT <= value <= _LAST else None
    except struct.error:  # the block is cut short, or refers to bytes behind its end
        return None
    return None


def from_xmp(packet: bytes | memoryview) -> int | None:
    """The orientation in an XMP packet; None if there is none."""
    match = _XMP.search(packet)
    return int(match[1]) if match else None


def from_hex(text: bytes) -> int | None:
    """The orientation in EXIF as ImageMagick writes it into a PNG: three lines, then hexadecimal digits."""
    try:
        return from_exif(bytes.fromhex("".join(text.decode("ascii").split("\n")[3:])))
    except ValueError:
        return None


def unpacked(data: bytes | memoryview) -> bytes:
    """The first bytes of a compressed text, at most ``MAX_TEXT``; empty if they cannot be unpacked."""
    try:
        return zlib.decompressobj().decompress(bytes(data), MAX_TEXT)
    except zlib.error:
        return b""
