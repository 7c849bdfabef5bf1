"""Files that contain the pictures of events one behind the other.

A picture takes its own bytes on the disk and no more: a file for each would take a block, an inode and a name besides,
and a picture in the database would be written twice, first to its log. ``benchmarks/event_bytes`` measures all three.
The oldest pictures are removed with their file.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"pictures-(\d{1,15})\.pack")
_MODE = 0o644


@dataclass(frozen=True)
class Place:
    """Where a picture is.

    Attributes:
        pack: the number of the file.
        offset: where the picture begins in it, in bytes.
        size: the size of the picture in bytes.
        checksum: the CRC-32 of the picture.
    """

    pack: int
    offset: int
    size: int
    checksum: int


def path_of(folder: Path, pack: int) -> Path:
    """The file with a number."""
    return folder / f"pictures-{pack:08}.pack"


def numbers(folder: Path) -> list[int]:
    """The numbers of the files in a folder, the oldest first."""
    matches = (_NAME.fullmatch(entry.name) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    return sorted(int(match[1]) for match in matches if match is not None)


def read(folder: Path, place: Place) -> bytes | None:
    """Reads a picture; None if its file is gone or is not what it was."""
    try:
        handle = os.open(path_of(folder, place.pack), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        data = os.pread(handle, place.size, place.offset)
    except OSError:
        return None
    finally:
        os.close(handle)
    return data if len(data) == place.size and zlib.crc32(data) == place.checksum else None


def append(folder: Path, pack: int, pictures: Sequence[bytes]) -> list[Place]:
    """Writes pictures at the end of a file, which is created if it does not exist.

    Args:
        folder: where the files are.
        pack: the number of the file.
        pictures: what to write.

    Returns:
        The place of each picture.

    Raises:
        OSError: the disk is full, or cannot be written. The file is then as it was.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(path_of(folder, pack), flags, _MODE)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        try:
            _write(handle, b"".join(pictures), end)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)
    places = []
    for picture in pictures:
        places.append(Place(pack, end, len(picture), zlib.crc32(picture)))
        end += len(picture)
    return places


def cut(folder: Path, pack: int, size: int) -> None:
    """Removes what a crash left behind the last picture of a file.

    Raises:
        OSError: the file cannot be written.
    """
    path = path_of(folder, pack)
    if path.stat().st_size > size:
        os.truncate(path, size)


def _write(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
