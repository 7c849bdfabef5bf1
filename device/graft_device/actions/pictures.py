"""Keeps the pictures of events that are not delivered: made in a thread of their own, on disk beside the queue."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.actions.encoding import held, to_jpeg
from graft_device.errors import GraftError, PhotoError, os_reason

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource
    from graft_device.sources.base import Note

MOST_PENDING = 4
"""How many photos may wait to be made into JPEGs; each takes up to 5 MB of memory."""

MOST_IN_MEMORY = 2_000_000
"""Bytes of JPEGs that are kept in memory while the disk accepts none."""

_WAIT_S = 20.0
_NAME = re.compile(r"(\d{1,16})\.jpg")
_LEFTOVER = re.compile(r"\.\d{1,16}\.jpg\.part")


class Pictures:
    """The pictures of the events in a queue, by their numbers.

    ``FOLDER/42.jpg`` is the picture of event 42. It is written under a hidden name and then renamed, so that nobody
    finds half of one. Over the limit, the oldest are removed first, and their events are sent without a picture. So are
    those of a run that was killed in the moment before the picture was made.
    """

    def __init__(self, folder: Path, max_bytes: int, waiting: Collection[int], note: Note) -> None:
        """Removes what no event of the queue needs, and starts the thread.

        Args:
            folder: where the pictures are stored; created when the first one is.
            max_bytes: the largest size of all pictures.
            waiting: the numbers of the events in the queue.
            note: called with a line when pictures are lost or cannot be stored, once per outage.

        Raises:
            GraftError: the folder cannot be read or cleared.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._note = note
        self._changed = threading.Condition()
        self._pending: dict[int, PhotoSource] = {}
        self._memory: dict[int, bytes] = {}
        self._failing = self._closed = False
        self.lost = 0
        try:
            self._sizes = _stored(folder, waiting)
        except OSError as error:
            raise GraftError(f"cannot keep pictures in {folder}: {os_reason(error)}") from error
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
        self._thread.start()

    def offer(self, number: int, photo: PhotoSource | None) -> None:
        """Has a picture made; returns at once. Where too many wait, the oldest of them is lost."""
        if photo is None:
            return
        small = held(photo)
        with self._changed:
            while len(self._pending) >= MOST_PENDING:
                del self._pending[min(self._pending)]
                self._count_lost()
            self._pending[number] = small
            self._changed.notify_all()

    def picture(self, number: int) -> bytes | None:
        """The JPEG of an event, when it is made; None if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: number not in self._pending, _WAIT_S)
            if number in self._memory:
                return self._memory[number]
        try:
            return self._path(number).read_bytes()
        except OSError:
            return None

    def done(self, number: int) -> None:
        """Removes the pictures of an event that was delivered, and of older ones, which are no longer in the queue."""
        with self._changed:
            for kept in (self._pending, self._memory):
                for old in [old for old in kept if old <= number]:
                    del kept[old]
            for old in [old for old in self._sizes if old <= number]:
                self._remove(old)

    def close(self) -> None:
        """Makes the pictures that wait, for two seconds at most, and ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(2.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._pending) or self._closed)
                if not self._pending:
                    return
                number = min(self._pending)
                photo = self._pending[number]
            data = _jpeg(photo)
            with self._changed:
                if self._pending.pop(number, None) is not None and data is not None:  # else it is delivered, or lost
                    self._keep(number, data)
                self._changed.notify_all()

    def _keep(self, number: int, data: bytes) -> None:
        while self._sizes and sum(self._sizes.values()) + len(data) > self._max_bytes:
            self._remove(min(self._sizes))
            self._count_lost()
        if len(data) > self._max_bytes:
            self._count_lost()
            return
        path = self._path(number)
        part = path.with_name(f".{path.name}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            self._keep_in_memory(number, data, error)
            return
        self._sizes[number] = len(data)
        self._failing = bool(self._memory)

    def _keep_in_memory(self, number: int, data: bytes, error: OSError) -> None:
        if not self._failing:
            self._note(f"cannot store pictures in {self._folder}: {os_reason(error)}; a few wait in memory")
        self._failing = True
        self._memory[number] = data
        while sum(map(len, self._memory.values())) > MOST_IN_MEMORY:
            del self._memory[min(self._memory)]
            self._count_lost()

    def _remove(self, number: int) -> None:
        with contextlib.suppress(OSError):
            self._path(number).unlink()
        del self._sizes[number]

    def _count_lost(self) -> None:
        """Counts a picture that was lost; notes the first, and then each time their number has doubled."""
        self.lost += 1
        if self.lost & (self.lost - 1) == 0:
            many = self.lost > 1
            events = f"{self.lost} events are" if many else "an event is"
            self._note(f"{events} sent without {'their pictures' if many else 'its picture'}: there is no room")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.jpg"


def _jpeg(photo: PhotoSource) -> bytes | None:
    try:
        return to_jpeg(photo)
    except (PhotoError, OSError, MemoryError):
        return None  # a photo in a watched folder may be gone


def _stored(folder: Path, waiting: Collection[int]) -> dict[int, int]:
    """The sizes of the pictures that events still need; others, and halves of pictures, are removed."""
    sizes: dict[int, int] = {}
    if not folder.is_dir():
        return sizes
    for path in folder.iterdir():
        found = _NAME.fullmatch(path.name)
        number = int(found[1]) if found else -1
        if number in waiting:
            sizes[number] = path.lstat().st_size
        elif found or _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)
    return sizes
