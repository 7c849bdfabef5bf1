"""Writes HEIC photos (ISO/IEC 23008-12) with PyAV's x265: pi-heif can only read them."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

_VPS, _SPS, _PPS = 32, 33, 34
_IMAGE, _EXIF = 1, 50


def heic(
    *pictures: NDArray[np.uint8],
    primary: int = 0,
    rotation: int = 0,
    exif: bytes = b"",
    brand: bytes = b"heic",
    claimed: tuple[int, int] | None = None,
    grid: tuple[int, int] | None = None,
) -> bytes:
    """The bytes of a HEIC file.

    Args:
        pictures: RGB pixels ``[H,W,3]``, all of one size; each becomes an item of the file.
        primary: the index of the primary picture.
        rotation: quarter turns counter-clockwise that a viewer has to make (``irot``).
        exif: an EXIF block, from its TIFF header on.
        brand: the brand that the file names first.
        claimed: the width and height that the file claims; None for the true ones.
        grid: rows and columns of a grid of copies of the first picture, which is then the primary picture.
    """
    coded = [_coded(picture) for picture in pictures]
    if grid:
        coded = coded[:1] * (grid[0] * grid[1])
    height, width = pictures[0].shape[:2]
    items = [(_IMAGE + index, b"hvc1", data) for index, (_, data) in enumerate(coded)]
    tiles = [number for number, _, _ in items] if grid else []
    if grid:
        rows, columns = grid
        overall = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, columns * width, rows * height)
        items.append((_IMAGE + len(coded), b"grid", overall))
    if exif:
        items.append((_EXIF, b"Exif", struct.pack(">I", 0) + exif))
    chosen = _IMAGE + (len(coded) if grid else primary)
    ispe = _full(b"ispe", struct.pack(">II", *(claimed or (width, height))))
    properties = [_box(b"hvcC", coded[0][0]), ispe, _box(b"irot", bytes([rotation]))]
    if grid:
        properties.append(_full(b"ispe", struct.pack(">II", grid[1] * width, grid[0] * height)))
    uses = {_IMAGE + index: [0x81, 2, *([0x83] if rotation and not grid else [])] for index in range(len(coded))}
    if grid:
        uses[chosen] = [4, *([0x83] if rotation else [])]
    return _file(brand, chosen, items, properties, uses, tiles)


def _file(
    brand: bytes,
    primary: int,
    items: Sequence[tuple[int, bytes, bytes]],
    properties: Sequence[bytes],
    uses: dict[int, list[int]],
    tiles: Sequence[int],
) -> bytes:
    kind = _box(b"ftyp", brand + bytes(4) + b"mif1heic")
    entries = [_full(b"infe", struct.pack(">HH4sB", number, 0, name, 0), version=2) for number, name, _ in items]
    associations = b"".join(struct.pack(">HB", number, len(using)) + bytes(using) for number, using in uses.items())
    references = b""
    if tiles:
        references += _box(b"dimg", struct.pack(f">HH{len(tiles)}H", primary, len(tiles), *tiles))
    if any(name == b"Exif" for _, name, _ in items):
        references += _box(b"cdsc", struct.pack(">HHH", _EXIF, 1, primary))

    def meta(start: int) -> bytes:
        locations, place = b"", start
        for number, _, data in items:
            locations += struct.pack(">HHHII", number, 0, 1, place, len(data))
            place += len(data)
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + _full(b"pitm", struct.pack(">H", primary))
            + _full(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + locations)
            + _full(b"iinf", struct.pack(">H", len(items)) + b"".join(entries))
            + (_full(b"iref", references) if references else b"")
            + _box(
                b"iprp",
                _box(b"ipco", b"".join(properties)) + _full(b"ipma", struct.pack(">I", len(uses)) + associations),
            ),
        )

    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + _box(b"mdat", b"".join(data for _, _, data in items))


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, body: bytes, version: int = 0) -> bytes:
    return _box(name, bytes([version, 0, 0, 0]) + body)


def _coded(picture: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """The decoder's configuration record, and the coded picture."""
    av: Any = pytest.importorskip("av")
    if "libx265" not in av.codecs_available:
        pytest.skip("this PyAV has no x265")
    context = av.CodecContext.create("libx265", "w")
    context.height, context.width = picture.shape[:2]
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
    context.options = {"x265-params": "keyint=1:qp=8:log-level=0:info=0"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    stream = b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", stream) if unit]
    sets = {kind: [unit for unit in units if unit[0] >> 1 == kind] for kind in (_VPS, _SPS, _PPS)}
    pixels = [unit for unit in units if unit[0] >> 1 < _VPS]
    sps = sets[_SPS][0].replace(b"\x00\x00\x03", bytes(2))
    record = bytes([1]) + sps[3:15] + b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f" + bytes([len(sets)])
    for kind, members in sets.items():
        record += struct.pack(">BH", 0x80 | kind, len(members))
        record += b"".join(struct.pack(">H", len(member)) + member for member in members)
    return record, b"".join(struct.pack(">I", len(unit)) + unit for unit in pixels)
