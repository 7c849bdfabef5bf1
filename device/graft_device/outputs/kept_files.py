"""What the folders of kept photos have in common: the bytes of a photo, and its name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.outputs.jpegs import jpeg_of
from graft_device.outputs.noted_jpegs import with_notes
from graft_device.preprocess import heif, load, read_photo

if TYPE_CHECKING:
    from graft_device.outputs.photo_notes import PhotoNotes
    from graft_device.preprocess import PhotoSource

QUALITY = 92

_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"BM": ".bmp", b"GI": ".gif"}


def encoded(photo: PhotoSource, notes: PhotoNotes | None = None) -> tuple[bytes, str]:
    """The bytes to keep of a photo, and the ending of their name.

    Args:
        photo: a path, whose file is kept unchanged; a file's bytes; or pixels, which become a JPEG.
        notes: put into a JPEG that comes from bytes or pixels, unless it has EXIF already; None for no notes.

    Raises:
        PhotoError: the file cannot be read.
    """
    if isinstance(photo, (str, os.PathLike)):
        data = read_photo(photo)
        return data, _suffix(data)
    data = photo if isinstance(photo, bytes) else jpeg_of(load(photo), QUALITY)
    return data if notes is None else with_notes(data, notes), _suffix(data)


def stamp(time: str) -> str:
    """A time, ISO 8601 in UTC, as the beginning of a file name: ``20260131T120001.250Z``."""
    return re.sub(r"[-:]", "", time)


def numbered(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """Names for a file, from the plain one to one with any number, without end."""
    yield folder / f"{stem}{suffix}"
    number = 1
    while True:
        number += 1
        yield folder / f"{stem}-{number}{suffix}"


def inside(folder: Path, pattern: str) -> Iterator[Path]:
    """The files with such names in the folders of labels; links to folders are not followed."""
    for label in folder.iterdir():
        if not label.is_symlink():
            yield from label.glob(pattern)


def file_size(path: Path) -> int | None:
    """The size of a regular file; None for a link, a folder, or a file that has just been moved."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _suffix(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return ".avif" if data[8:12] in {b"avif", b"avis"} else ".heic"
    return heif.suffix(data) if heif.is_heif(data) else _SUFFIXES.get(data[:2], ".jpg")
