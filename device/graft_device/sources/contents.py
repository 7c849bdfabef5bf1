"""Recognizes photos by what is in their files, whatever their names: the formats that ``classify`` reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from graft_device.preprocess import MAX_BYTES, heif
from graft_device.sources.scanning import State, state_of
from graft_device.system.plain import open_plain

_HEAD = 4096
_TAIL = 4096
_SIGNATURES = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
}
_PNG_END = b"IEND\xaeB`\x82"
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_MAX_BOXES = 1000


def kind_of(head: bytes) -> str | None:
    """The format of a photo by the first bytes of its file; None for anything else."""
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return "heif" if heif.is_heif(head) else None


def is_whole(path: str) -> bool | None:
    """Whether a file is a complete photo, as far as its beginning and its end show.

    A photo that is still being copied is not complete. Only a few kB are read.

    Returns:
        None if the file is not a photo or cannot be read.
    """
    try:
        with open_plain(path) as file:
            head = file.read(_HEAD)
            kind = kind_of(head)
            return None if kind is None else _ends_well(file, kind, head)
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Snapshot:
    """What was in a file at one moment.

    Attributes:
        data: its bytes.
        state: its state at that moment.
    """

    data: bytes
    state: State


def read_now(path: str) -> Snapshot | None:
    """Reads a photo that changes all the time.

    Returns:
        None if it is not a complete photo, or changed while it was read.
    """
    try:
        with open_plain(path) as file:
            before = state_of(os.fstat(file.fileno()))
            data = file.read(MAX_BYTES + 1)
            after = state_of(os.fstat(file.fileno()))
            kind = kind_of(data[:_HEAD])
            if before.key != after.key or len(data) != after.size or len(data) > MAX_BYTES or kind is None:
                return None
            return Snapshot(data, after) if _ends_well(file, kind, data[:_HEAD]) else None
    except (OSError, ValueError):
        return None


def _ends_well(file: BinaryIO, kind: str, head: bytes) -> bool:
    size = os.fstat(file.fileno()).st_size
    if kind == "webp":
        return size >= int.from_bytes(head[4:8], "little") + 8
    if kind == "bmp":
        return size >= int.from_bytes(head[2:6], "little")
    if kind == "heif":
        return _boxes_end(file, size)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if kind == "gif":
        return tail.rstrip(b"\0").endswith(b";")
    return (b"\xff\xd9" if kind == "jpeg" else _PNG_END) in tail


def _boxes_end(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of an ISO media file end where the file ends."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at >= size:
            break
        file.seek(at)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # up to the end of the file
            return True
        if length < 8:  # noqa: PLR2004  the length of a box's header
            return False
        at += length
    return at == size
