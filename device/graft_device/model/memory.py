"""What a model file remembers of the photos that it was trained on: the header of ``memory.bin`` in its zip.

The entry is one line of JSON, and a zlib stream after it. The line alone says what the stream contains, so that
a file can be described without numpy; ``graft_device.learning.remembered`` reads the stream.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import ModelError
from graft_device.model.archive import ArchiveError, opened_archive
from graft_device.model.rules import is_number
from graft_device.system.strict_json import parse_json

MEMORY_NAME = "memory.bin"
MEMORY_FORMAT = 1

PHOTOS, MEANS = "photos", "means"
"""The two kinds: a bottleneck for each photo, or the mean bottleneck of each class and a variance for all."""

MOST_ENTRY_BYTES = 1 << 24
"""Bytes of the entry; graftkit writes at most a quarter of it."""

_LONGEST_HEADER = 1 << 16
_MOST_NUMBERS = 1 << 26  # of a stream, so that a hostile header reserves no gigabytes
_MOST_PARTS = 64


@dataclass(frozen=True)
class Part:
    """The numbers of one tap in each bottleneck: ``real = scale * (stored - zero_point)``, stored as int8."""

    length: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class MemoryHeader:
    """What ``memory.bin`` contains.

    Attributes:
        kind: ``photos`` or ``means``.
        rows: the number N of bottlenecks, or that of classes for ``means``.
        parts: the taps, whose numbers are side by side in a bottleneck.
        unfitted: how many rows, the last ones, are of photos that the backbone was not fitted to: all of them unless
            its last layers were trained too.
        roots: for ``means``, whether mean and variance are those of the square roots.
    """

    kind: str
    rows: int
    parts: tuple[Part, ...]
    unfitted: int
    roots: bool = False

    @property
    def length(self) -> int:
        """The numbers D of a bottleneck."""
        return sum(part.length for part in self.parts)

    @property
    def stream_bytes(self) -> int:
        """The size of the stream when it is unpacked."""
        if self.kind == PHOTOS:
            return self.rows * (2 + self.length)
        return self.rows * (4 + 4 * self.length) + 4 * self.length

    def to_json(self) -> dict[str, Any]:
        """The header as plain values."""
        parts = [{"length": part.length, "scale": part.scale, "zero_point": part.zero_point} for part in self.parts]
        return {
            "format": MEMORY_FORMAT, "kind": self.kind, "rows": self.rows, "unfitted": self.unfitted,
            "roots": self.roots, "parts": parts,
        }  # fmt: skip

    def __str__(self) -> str:
        """What is remembered, in a few words."""
        if self.kind == PHOTOS:
            return f"{self.rows:,} photos by their bottlenecks, which reveal something of them"
        return f"the mean bottlenecks of {self.rows:,} classes"

    def line(self) -> bytes:
        """The first line of the entry."""
        return json.dumps(self.to_json()).encode() + b"\n"


def read_memory(path: Path) -> tuple[MemoryHeader, bytes] | None:
    """Reads the header and the packed stream of a model's memory; None where the file has none.

    Raises:
        ModelError: the file cannot be read, or its memory is damaged.
    """
    try:
        with opened_archive(path) as archive:
            if MEMORY_NAME not in archive:
                return None
            return split_memory(archive.read(MEMORY_NAME, MOST_ENTRY_BYTES))
    except (OSError, ArchiveError, ValueError) as error:
        raise ModelError(f"{path} has a memory that cannot be used ({error})", "copy the model again") from error


def split_memory(data: bytes) -> tuple[MemoryHeader, bytes]:
    """The header of an entry, and its packed stream; raises ValueError if the header is not one."""
    line, newline, stream = data.partition(b"\n")
    if not newline or len(line) > _LONGEST_HEADER:
        raise ValueError("no header")
    raw = parse_json(line.decode("ascii"))
    if not isinstance(raw, dict) or raw.get("format") != MEMORY_FORMAT:
        raise ValueError("a format that this version does not know")
    return _header(raw), stream


def _header(raw: dict[str, Any]) -> MemoryHeader:
    kind, parts = raw.get("kind"), raw.get("parts")
    if kind not in (PHOTOS, MEANS) or not isinstance(parts, list) or not 0 < len(parts) <= _MOST_PARTS:
        raise ValueError("its kind or its parts")
    rows = _whole(raw.get("rows"), 1, _MOST_NUMBERS)
    header = MemoryHeader(
        str(kind), rows, tuple(map(_part, parts)), _whole(raw.get("unfitted"), 0, rows), raw.get("roots") is True
    )
    if header.rows * header.length > _MOST_NUMBERS:
        raise ValueError("more numbers than a board can hold")
    return header


def _part(raw: Any) -> Part:
    if not isinstance(raw, dict):
        raise ValueError("a part")
    scale: Any = raw.get("scale")
    if not is_number(scale) or not 1e-30 < scale < 1e30:  # noqa: PLR2004  far inside what float32 holds
        raise ValueError("a scale")
    return Part(_whole(raw.get("length"), 1, _MOST_NUMBERS), float(scale), _whole(raw.get("zero_point"), -128, 127))


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"a number that is not from {low} to {high}")
    return value
