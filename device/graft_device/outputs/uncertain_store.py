"""Keeps the pictures that a model is unsure of, so that they can be labelled and trained on."""

from __future__ import annotations

import io
import os
import re
import stat
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.errors import GraftError, os_reason
from graft_device.preprocess import load, read_photo
from graft_device.ranking import UNKNOWN, Prediction
from graft_device.sources.apart import is_kept

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

QUALITY = 92
MAX_NAME_BYTES = 60

_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"BM": ".bmp", b"GI": ".gif"}


class UncertainStore:
    """A folder per guessed label with the pictures that the model was unsure of.

    ``DIR/cats/20260131T120001.250Z_cats-61_dogs-38.jpg``: when it was taken (UTC), and how sure the model was, in
    percent. Over the limit the oldest go first; only files of this form are ever counted or removed. A picture is
    written under a hidden name and then renamed, so no half-written one is ever found.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Looks for the pictures of earlier runs, and removes those that are over the limit.

        Raises:
            GraftError: the folder cannot be made, read or cleared.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob("*/.*.part"):
                if is_kept(leftover.name[1:-5]) and _file_size(leftover) is not None:
                    leftover.unlink(missing_ok=True)
            self._kept = deque(_found(folder))
            self._bytes = sum(size for _, size in self._kept)
            self._make_room(0)
        except OSError as error:
            raise GraftError(f"cannot keep pictures in {folder}: {os_reason(error)}") from error

    def save(self, photo: PhotoSource, time: str, label: str, predictions: Sequence[Prediction]) -> Path | None:
        """Writes a picture.

        Args:
            photo: a path, whose file is copied as it is, or pixels, which become a JPEG.
            time: when it was taken, ISO 8601 in UTC, to the millisecond.
            label: what the model took it for; names the folder.
            predictions: best first; the first two of a class become part of the name.

        Returns:
            The file, or None where it alone is over the limit.

        Raises:
            OSError: the file cannot be written; nothing is left of it.
            PhotoError: the photo cannot be read any more.
        """
        data, suffix = _encoded(photo)
        if len(data) > self._max_bytes:
            return None
        self._make_room(len(data))
        folder = self._folder / _safe(label)
        folder.mkdir(parents=True, exist_ok=True)
        stem = "_".join([re.sub(r"[-:]", "", time), *_sure(predictions)])
        path = _free(folder, stem, suffix)
        _write(path, data)
        self._kept.append((path, len(data)))
        self._bytes += len(data)
        return path

    def _make_room(self, needed: int) -> None:
        while self._kept and self._bytes + needed > self._max_bytes:
            path, size = self._kept[0]
            if _file_size(path) is not None:  # it may have been labelled and moved away
                path.unlink(missing_ok=True)
            self._kept.popleft()
            self._bytes -= size


def _found(folder: Path) -> list[tuple[Path, int]]:
    """The pictures of earlier runs and their sizes, oldest first."""
    named = sorted((path for path in folder.glob("*/*") if is_kept(path.name)), key=lambda path: path.name)
    sizes = ((path, _file_size(path)) for path in named)
    return [(path, size) for path, size in sizes if size is not None]


def _file_size(path: Path) -> int | None:
    """None for what is no file, as a link or folder isn't, or has just been moved away."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _sure(predictions: Sequence[Prediction]) -> list[str]:
    known = [p for p in predictions if p.label != UNKNOWN][:2]
    return [f"{_safe(p.label)}-{p.score * 100:.0f}" for p in known]


def _safe(label: str) -> str:
    """A label as part of a file name."""
    text = re.sub(r"[/\\\x00-\x1f\x7f]", "_", label)
    text = text.encode("utf-8", "surrogateescape")[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return re.sub(r"^\.", "_", text) or "_"


def _free(folder: Path, stem: str, suffix: str) -> Path:
    path, number = folder / f"{stem}{suffix}", 1
    while os.path.lexists(path):  # a link to nowhere is somebody's, too
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path


def _encoded(photo: PhotoSource) -> tuple[bytes, str]:
    if isinstance(photo, (str, os.PathLike)):
        data = read_photo(photo)
        return data, _SUFFIXES.get(data[:2], ".jpg")
    buffer = io.BytesIO()
    load(photo).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue(), ".jpg"


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
