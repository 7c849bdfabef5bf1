"""Adds notes to the bytes of a JPEG without touching its pixels, and leaves them out again."""

from __future__ import annotations

from typing import NamedTuple

from graft_device import __version__
from graft_device.outputs.photo_notes import PhotoNotes, exif_of

_MARKER, _SOI, _EOI, _SOS, _APP0, _APP1 = 0xFF, 0xD8, 0xD9, 0xDA, 0xE0, 0xE1
_EXIF = b"Exif\0\0"
_MOST_BYTES = 0xFFFF - 2
"""What a segment of a JPEG can hold besides its length (ITU T.81, B.1.1.4)."""


class _Segment(NamedTuple):
    """A segment of the header: its marker, and where it begins and ends in the file."""

    marker: int
    start: int
    end: int


def with_notes(data: bytes, notes: PhotoNotes) -> bytes:
    """A JPEG with notes in its EXIF.

    Args:
        data: an image file. One that is no JPEG, or has EXIF already, is returned as it is: a camera's own notes, such
            as which side is up, are worth more.
        notes: what to note.
    """
    segments = _segments(data)
    if not segments or any(_is_exif(data, segment) for segment in segments):
        return data
    exif = exif_of(notes, __version__).tobytes()
    if not exif.startswith(_EXIF):
        exif = _EXIF + exif
    if len(exif) > _MOST_BYTES:
        return data
    at = segments[0].end if segments[0].marker == _APP0 else segments[0].start  # JFIF comes first
    return b"".join([data[:at], bytes([_MARKER, _APP1]), (len(exif) + 2).to_bytes(2, "big"), exif, data[at:]])


def without_notes(data: bytes) -> bytes:
    """A JPEG without its EXIF; any other file as it is. Two results are the same where the pictures are."""
    cut = [segment for segment in _segments(data) if _is_exif(data, segment)]
    for segment in reversed(cut):
        data = data[: segment.start] + data[segment.end :]
    return data


def _is_exif(data: bytes, segment: _Segment) -> bool:
    return segment.marker == _APP1 and data.startswith(_EXIF, segment.start + 4)


def _segments(data: bytes) -> list[_Segment]:
    """The segments of a JPEG before its pixels; none if it is no JPEG, or is damaged there."""
    found: list[_Segment] = []
    at = 2
    while data[:2] == bytes([_MARKER, _SOI]) and len(data) >= at + 4 and data[at] == _MARKER:
        if data[at + 1] in {_SOS, _EOI}:
            return found
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append(_Segment(data[at + 1], at, end))
        at = end
    return []
