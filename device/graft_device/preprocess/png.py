"""Reads the structure of a PNG file (W3C PNG, third edition): its size, its transparency, its orientation.

The decoder gets only the chunks that the pixels depend on: texts, colour profiles and the frames of an animation are
left out, however large they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_PARTS
from graft_device.preprocess.orientation import from_exif, from_hex, from_xmp, unpacked

SIGNATURE = b"\x89PNG\r\n\x1a\n"

DAMAGED = "the image is cut short or damaged"

_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PER_BYTES = 1024  # a large file may have more chunks
_GREY, _RGB, _PALETTE = 0, 2, 3
_WIDE = 16
_XMP, _PROFILES = b"XML:com.adobe.xmp", (b"Raw profile type exif", b"Raw profile type APP1")
_LARGEST = {b"PLTE": 768, b"tRNS": 256}


def read(data: bytes) -> Header:
    """Reads the structure of a PNG.

    Raises:
        PhotoError: the file is damaged.
    """
    view = memoryview(data)
    structure = _Structure()
    kept: list[memoryview | bytes] = [SIGNATURE]
    for kind, start, end in _chunks(data):
        body = view[start + 8 : end - 4]
        if kind in _NEEDED and len(body) <= _LARGEST.get(kind, len(body)):
            kept.append(view[start:end])
        structure.add(kind, body)
    if structure.size is None:
        raise PhotoError(DAMAGED)
    return structure.header(tuple(kept))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields type, start and end of each chunk; the last one may be cut short."""
    place = len(SIGNATURE)
    for _ in range(MAX_PARTS + len(data) // _PER_BYTES):
        if place + 8 > len(data):
            return
        length = int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        end = place + 12 + length
        yield kind, place, min(end, len(data))
        if kind == b"IEND" or end >= len(data):
            return
        place = end
    raise PhotoError("damaged, with far too many chunks")


class _Structure:
    """The facts in the chunks so far."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self._depth = self._colour = 0
        self._transparency: bytes | None = None
        self._bits: int | None = None
        self._exif: int | None = None
        self._xmp: int | None = None

    def add(self, kind: bytes, body: memoryview) -> None:
        """Takes note of a chunk."""
        if kind == b"IHDR" and len(body) >= 10 and self.size is None:  # noqa: PLR2004
            width, height, self._depth, self._colour = struct.unpack_from(">IIBB", body)
            self.size = width, height
        elif kind == b"tRNS":
            self._transparency = bytes(body[:256])
        elif kind == b"sBIT" and len(body) == 1:
            self._bits = body[0]
        elif kind == b"eXIf" and self._exif is None:
            self._exif = from_exif(body)
        elif kind in {b"iTXt", b"zTXt", b"tEXt"}:
            self._add_text(kind, body)

    def header(self, parts: tuple[memoryview | bytes, ...]) -> Header:
        """The header; ``parts`` are the chunks for the decoder."""
        assert self.size is not None  # noqa: S101  the caller has checked it
        wide_grey = self._depth == _WIDE and self._colour == _GREY
        key = None
        if wide_grey and self._transparency is not None and len(self._transparency) >= 2:  # noqa: PLR2004
            key = int.from_bytes(self._transparency[:2], "big")
        bits = self._bits if wide_grey and self._bits and self._bits < _WIDE else _WIDE
        wide_key = self._depth == _WIDE and self._colour == _RGB and self._transparency is not None
        return Header(
            kind="PNG",
            width=self.size[0],
            height=self.size[1],
            depth=self._stored_bytes(),
            parts=parts,
            orientation=self._exif or self._xmp or 1,
            key=key,
            bits=bits,
            unusual=wide_key or key is not None or bits < _WIDE or (self._exif is None and self._xmp not in {None, 1}),
        )

    def _stored_bytes(self) -> int:
        narrow = self._colour in {_GREY, _PALETTE} and self._depth < _WIDE
        return 1 if narrow else 4  # Pillow before 11 stores 16 bits of grey in 4 bytes

    def _add_text(self, kind: bytes, body: memoryview) -> None:
        keyword = bytes(body[:80]).partition(b"\0")[0]
        if keyword not in {_XMP, *_PROFILES}:
            return
        text = _text(kind, body[len(keyword) + 1 :])
        if keyword == _XMP:
            self._xmp = self._xmp or from_xmp(text)
        elif self._exif is None:
            self._exif = from_hex(text)


def _text(kind: bytes, body: memoryview) -> bytes:
    """The text behind the keyword of a text chunk, or its beginning."""
    if kind == b"tEXt":
        return bytes(body)
    if kind == b"zTXt":
        return unpacked(body[1:])
    is_packed = bytes(body[:1]) == b"\1"
    start = bytes(body[2:2048]).split(b"\0", 2)  # after the language and the translated keyword
    if len(start) < 3:  # noqa: PLR2004
        return b""
    text = body[2 + len(start[0]) + len(start[1]) + 2 :]
    return unpacked(text) if is_packed else bytes(text)
