"""Stores the photos that a model is uncertain about, so that they can be labelled and trained on."""

from __future__ import annotations

import errno
import glob
import os
import re
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.errors import GraftError, PhotoError, os_reason
from graft_device.outputs.kept_files import encoded, file_size, inside, numbered, stamp
from graft_device.outputs.noted_jpegs import without_notes
from graft_device.preprocess import read_photo
from graft_device.ranking import Prediction
from graft_device.sources.apart import LABELLED, is_captured, is_kept, is_labelled

if TYPE_CHECKING:
    from graft_device.outputs.photo_notes import PhotoNotes
    from graft_device.preprocess import PhotoSource

MAX_NAME_BYTES = 60


class UncertainStore:
    """A folder for each predicted label, with the photos that the model is uncertain about.

    ``DIR/cats/20260131T120001.250Z_cats-61_dogs-38.jpg`` is named after the time (UTC) and the best scores in percent.
    ``DIR/foxes/20260131T120001.250Z.labelled_cats-61_dogs-38.jpg`` is one of which a person said that it shows foxes.
    The mark stays in the name when the file is moved, so that a person's word and a guess are never confused.

    Over the limit, the oldest photos are removed first. Photos that a person labelled are only removed for others that
    a person labelled, and only when no others are left. Only files with such names are counted or removed, and none
    that a person captured. A photo is written under a hidden name and then renamed, so that nobody finds half of one.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Finds the photos of earlier runs and removes those over the limit.

        Args:
            folder: where the photos are stored; created if it does not exist.
            max_bytes: the largest size of all photos together.

        Raises:
            GraftError: the folder cannot be created, read or cleared.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in inside(folder, ".*.part"):
                if is_kept(leftover.name[1:-5]) and file_size(leftover) is not None:
                    leftover.unlink(missing_ok=True)
            kept = _kept_photos(folder)
            self._guessed = deque(photo for photo in kept if not is_labelled(photo[0].name))
            self._labelled = deque(photo for photo in kept if is_labelled(photo[0].name))
            self._bytes = sum(size for _, size in kept)
            self._make_room(0, self._guessed, self._labelled)
        except OSError as error:
            raise GraftError(f"cannot keep photos in {folder}: {os_reason(error)}") from error

    def save(
        self,
        photo: PhotoSource,
        time: str,
        label: str,
        predictions: Sequence[Prediction],
        notes: PhotoNotes | None = None,
    ) -> Path | None:
        """Writes a photo. Any thread may call this.

        Args:
            photo: a path, whose file is copied unchanged; a file's bytes; or pixels, which are stored as JPEG.
            time: when it was taken, ISO 8601 in UTC, to the millisecond.
            label: the model's answer, which names the folder.
            predictions: labels with their scores, best first. The first two are part of the name.
            notes: for the EXIF of a JPEG from bytes or pixels; None for none.

        Returns:
            The file, or None if there is no room for the photo within the limit.

        Raises:
            OSError: the file cannot be written. Nothing is left of it.
            PhotoError: the photo can no longer be read.
        """
        data, suffix = encoded(photo, notes)
        with self._lock:
            return self._written(data, _stem(stamp(time), predictions), suffix, label)

    def save_labelled(
        self,
        photo: PhotoSource,
        time: str,
        label: str,
        predictions: Sequence[Prediction],
        notes: PhotoNotes | None = None,
    ) -> Path | None:
        """Writes a photo of which a person said what it shows. Any thread may call this.

        A photo that was labelled before is moved to the new label.

        Args:
            photo: as for ``save``.
            time: when it was taken, ISO 8601 in UTC, to the millisecond.
            label: the person's answer, which names the folder.
            predictions: the model's labels with their scores, best first. The first two are part of the name.
            notes: as for ``save``.

        Returns:
            The file, or None if there is no room for the photo within the limit.

        Raises:
            OSError: the file cannot be written. Nothing is left of it.
            PhotoError: the photo can no longer be read.
        """
        data, suffix = encoded(photo, notes)
        stem = _stem(stamp(time) + LABELLED, predictions)
        with self._lock:
            for earlier in self._folder.glob(f"*/{glob.escape(stem)}*{suffix}"):
                if _shows(earlier, data):
                    return self._moved(earlier, data, stem, suffix, label)
            return self._written(data, stem, suffix, label)

    def _moved(self, earlier: Path, data: bytes, stem: str, suffix: str, label: str) -> Path:
        if earlier.parent.name == _safe(label):
            return earlier
        path = _free(self._folder_of(label), stem, suffix)
        earlier.rename(path)
        size = len(data)
        self._bytes += sum(size - old for kept, old in self._labelled if kept == earlier)
        self._labelled = deque((path, size) if kept == earlier else (kept, old) for kept, old in self._labelled)
        _write(path, data)  # its notes have the new label
        return path

    def _folder_of(self, label: str) -> Path:
        folder = self._folder / _safe(label)
        if folder.is_symlink():  # what is behind a link would never be counted
            raise OSError(errno.ELOOP, f"{folder} is a link, which is not followed")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _written(self, data: bytes, stem: str, suffix: str, label: str) -> Path | None:
        if len(data) > self._max_bytes:
            return None
        labelled = is_labelled(stem + suffix)
        if not self._make_room(len(data), self._guessed, *([self._labelled] if labelled else [])):
            return None
        path = _free(self._folder_of(label), stem, suffix)
        _write(path, data)
        (self._labelled if labelled else self._guessed).append((path, len(data)))
        self._bytes += len(data)
        return path

    def _make_room(self, needed: int, *removable: deque[tuple[Path, int]]) -> bool:
        """Removes photos, those of the first queue first, until there is room; returns whether there is."""
        for kept in removable:
            while kept and self._bytes + needed > self._max_bytes:
                path, size = kept[0]
                if file_size(path) is not None:  # it may have been labelled and moved away
                    path.unlink(missing_ok=True)
                kept.popleft()
                self._bytes -= size
        return self._bytes + needed <= self._max_bytes


def _kept_photos(folder: Path) -> list[tuple[Path, int]]:
    """The photos of earlier runs and their sizes, oldest first."""
    found = (path for path in inside(folder, "*") if is_kept(path.name) and not is_captured(path.name))
    named = sorted(found, key=lambda path: path.name)
    sizes = ((path, file_size(path)) for path in named)
    return [(path, size) for path, size in sizes if size is not None]


def _stem(beginning: str, predictions: Sequence[Prediction]) -> str:
    return "_".join([beginning, *_scores(predictions)])


def _shows(path: Path, data: bytes) -> bool:
    """Whether a file is the same photo as these bytes, whatever is noted in both; False for one that is unreadable."""
    try:
        return not path.is_symlink() and without_notes(read_photo(path)) == without_notes(data)
    except PhotoError:
        return False


def _scores(predictions: Sequence[Prediction]) -> list[str]:
    return [f"{_safe(p.label)}-{p.score * 100:.0f}" for p in predictions[:2]]


def _safe(label: str) -> str:
    """A label as part of a file name."""
    text = re.sub(r"[/\\\x00-\x1f\x7f]", "_", label)
    text = text.encode("utf-8", "surrogateescape")[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return re.sub(r"^\.", "_", text) or "_"


def _free(folder: Path, stem: str, suffix: str) -> Path:
    # a broken link is somebody's too
    return next(path for path in numbered(folder, stem, suffix) if not os.path.lexists(path))


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
