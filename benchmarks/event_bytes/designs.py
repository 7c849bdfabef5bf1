"""Ways to keep events with pictures: the one of graftkit, and others beside it."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from graft_device.history.calendar import Count
from graft_device.history.pictures import thumbnail
from graft_device.history.store import Store
from graft_device.history.waiting import Waiting

_MANY_MB = 100_000


class Design(ABC):
    """Writes groups of events into a folder."""

    @abstractmethod
    def write(self, group: Sequence[Waiting]) -> None:
        """Writes a group of events."""

    @abstractmethod
    def close(self) -> None:
        """Writes what is left."""


class Packed(Design):
    """What graftkit does: rows in SQLite, pictures one behind the other in files."""

    def __init__(self, folder: Path, max_mb: float = _MANY_MB) -> None:
        self._store = Store(folder, round(max_mb * 1e6))

    def write(self, group: Sequence[Waiting]) -> None:
        """Writes a group of events."""
        self._store.write(group, {}, Count())

    def close(self) -> None:
        """Writes what is left."""
        self._store.close()


class Files(Design):
    """The same rows, and each picture in a file of its own, in the folder of its day."""

    def __init__(self, folder: Path, thumbnails: bool) -> None:
        self._folder = folder / "2026-01-31"
        self._folder.mkdir()
        self._rows = Packed(folder)
        self._thumbnails = thumbnails

    def write(self, group: Sequence[Waiting]) -> None:
        """Writes a group of events."""
        for one in group:
            if one.picture is not None:
                (self._folder / f"{one.number}.jpg").write_bytes(one.picture)
                if self._thumbnails:
                    (self._folder / f"{one.number}-small.jpg").write_bytes(thumbnail(one.picture))
        self._rows.write([without_picture(one) for one in group])

    def close(self) -> None:
        """Writes what is left."""
        self._rows.close()


class Blobs(Design):
    """The same rows, and the pictures in a table of a second database."""

    def __init__(self, folder: Path) -> None:
        self._rows = Packed(folder)
        self._database = sqlite3.connect(folder / "pictures.db")
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            self._database.execute(f"PRAGMA {pragma}").fetchall()
        self._database.execute("CREATE TABLE pictures (number INTEGER PRIMARY KEY, picture BLOB)")

    def write(self, group: Sequence[Waiting]) -> None:
        """Writes a group of events."""
        with self._database:
            rows = [(one.number, one.picture) for one in group]
            self._database.executemany("INSERT INTO pictures VALUES (?, ?)", rows)
        self._rows.write([without_picture(one) for one in group])

    def close(self) -> None:
        """Writes what is left."""
        self._database.close()
        self._rows.close()


class PackedThumbnails(Packed):
    """What graftkit does, and the thumbnail of each picture behind it."""

    def write(self, group: Sequence[Waiting]) -> None:
        """Writes a group of events."""
        super().write([with_thumbnail(one) for one in group])


def without_picture(one: Waiting) -> Waiting:
    """The event alone."""
    return Waiting(one.number, one.event, one.since)


def with_thumbnail(one: Waiting) -> Waiting:
    """The event with its picture and thumbnail, one behind the other."""
    picture = None if one.picture is None else one.picture + thumbnail(one.picture)
    return Waiting(one.number, one.event, one.since, picture=picture)
