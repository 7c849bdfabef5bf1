"""Keeps captured pictures: a folder for each class, with a limit at which nothing more is kept."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.errors import GraftError, os_reason
from graft_device.outputs.kept_files import encoded, file_size, inside, numbered, stamp
from graft_device.outputs.noted_jpegs import without_notes
from graft_device.sources.apart import CAPTURED, is_captured
from graft_device.system.durable import remove_stale, rename_to_free, sync

if TYPE_CHECKING:
    from graft_device.outputs.photo_notes import PhotoNotes
    from graft_device.preprocess import PhotoSource

_MB = 1_000_000
_TARGETS = re.compile(rf"\d{{8}}T\d{{6}}\.\d{{3}}Z{re.escape(CAPTURED)}.*")


class CaptureError(GraftError):
    """A picture cannot be kept."""


@dataclass(frozen=True)
class KeptPicture:
    """A picture that was kept: its file, and the file's size in bytes."""

    path: Path
    bytes: int


class CaptureStore:
    """A folder for each class, with the pictures that a person captured.

    ``DIR/cats/20260131T120001.250Z.captured.jpg`` is named after the time (UTC); a second one of the same millisecond
    ends with ``.captured-2.jpg``. Each is on the disk under its name as a whole or not at all. None is ever removed or
    replaced, not even where another process captures into the same folder: over the limit, no more are kept. Only files
    with such names count.

    Attributes:
        folder: where the pictures are.
    """

    def __init__(self, folder: Path, max_mb: float) -> None:
        """Creates the folder if it does not exist, and removes what a crash left there a day ago or earlier.

        Args:
            folder: where the pictures are kept.
            max_mb: the largest size of all captured pictures together, in MB of 1,000,000 bytes.

        Raises:
            CaptureError: the folder cannot be created or read.
        """
        self.folder = folder
        self._max_mb = max_mb
        self._lock = threading.Lock()
        self._last: dict[str, tuple[str, bytes]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for label in folder.iterdir():
                if label.is_dir() and not label.is_symlink():
                    remove_stale(label, _TARGETS)
        except OSError as error:
            raise CaptureError(f"cannot keep pictures in {folder}: {os_reason(error)}") from error

    def labels(self) -> list[str]:
        """The classes that have a folder already, by name; those that cannot be read are left out."""
        try:
            found = [path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        except OSError:
            return []
        return sorted(found)

    def save(self, photo: PhotoSource, label: str, notes: PhotoNotes, place: str = "") -> KeptPicture | None:
        """Keeps a picture. Any thread may call this.

        Args:
            photo: a path, whose file is copied unchanged; a file's bytes; or pixels, which are stored as JPEG.
            label: the class, which names the folder; see ``labels.refusal``.
            notes: for the EXIF of a JPEG from bytes or pixels; its time names the file.
            place: where the picture is from, such as a view.

        Returns:
            The file; None where the picture is identical to the last one from the place, which has the same label.

        Raises:
            CaptureError: it cannot be written, or the limit is reached. Nothing is left of it.
            PhotoError: the photo cannot be read.
        """
        data, suffix = encoded(photo, notes)
        shown = label, hashlib.sha256(without_notes(data)).digest()
        with self._lock:
            if self._last.get(place) == shown:
                return None
            try:
                path = self._written(data, stamp(notes.time) + CAPTURED, suffix, label)
            except OSError as error:
                what = f"cannot keep the picture in {self.folder / label}: {os_reason(error)}"
                raise CaptureError(what, _remedy(error)) from error
            self._last[place] = shown
        return KeptPicture(path, len(data))

    def _written(self, data: bytes, stem: str, suffix: str, label: str) -> Path:
        if self._used() + len(data) > self._max_mb * _MB:
            raise CaptureError(
                f"{self.folder} has as many pictures as it may have, {self._max_mb:g} MB, so this one is not kept",
                "collect them, or raise max-mb",
            )
        folder = self.folder / label
        if folder.is_symlink():  # what is behind a link would never be counted
            raise OSError(errno.ELOOP, f"{folder} is a link, which is not followed")
        folder.mkdir(exist_ok=True)
        return write_new(numbered(folder, stem, suffix), data)

    def _used(self) -> int:
        """The bytes of all captured pictures, those of other processes too."""
        sizes = (file_size(path) for path in inside(self.folder, f"*{CAPTURED}*") if is_captured(path.name))
        return sum(size or 0 for size in sizes)


def write_new(names: Iterator[Path], data: bytes) -> Path:
    """Writes a file under the first of the names that is free. It is there as a whole, and on the disk, or not at all.

    Args:
        names: in one folder.
        data: the bytes.

    Raises:
        OSError: it cannot be written. Nothing is left of it.
    """
    name = next(names)
    temporary = name.with_name(f".{name.name}.{os.urandom(4).hex()}.tmp")
    try:  # the temporary name is known before the file is created, so Ctrl-C at any moment leaves none behind
        temporary.write_bytes(data)
        sync(temporary)
        while not _named(temporary, name):
            name = next(names)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(name.parent)
    return name


def _named(temporary: Path, name: Path) -> bool:
    """Gives the file its name; returns whether the name was free."""
    try:
        if rename_to_free(temporary, name):
            return True
    except FileExistsError:
        return False
    if os.path.lexists(name):  # where the system has no such way to rename
        return False
    temporary.rename(name)
    return True


def _remedy(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "make room on the disk, or collect what is there"
    return ""
