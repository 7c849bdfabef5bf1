"""The files with pictures of a history: which there are, where the next picture goes, and what a crash left."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.history import packs
from graft_device.history.packs import Place

if TYPE_CHECKING:
    from graft_device.history.waiting import Waiting

CHECKED = 256
"""How many of the newest pictures are read at the start: more than a power cut can take."""

_LEAST_BYTES, _MOST_BYTES = 64_000, 8_000_000
_WITHOUT = "UPDATE events SET pack = NULL, start = NULL, size = NULL, checksum = NULL WHERE"


class Shelf:
    """The packs of a folder.

    Attributes:
        margin: how far below the limit the folder is kept, in bytes.
    """

    def __init__(self, folder: Path, max_bytes: int, database: sqlite3.Connection) -> None:
        """Compares the files with the database: removes what only one of them has.

        Args:
            folder: where the files are.
            max_bytes: the largest size of everything in the folder.
            database: the database of the history.

        Raises:
            sqlite3.Error: the database cannot be read or written.
            OSError: the files cannot be read or written.
        """
        self._folder = folder
        self.margin = max(max_bytes // 64, 32_000)
        self._full = min(max(max_bytes // 16, _LEAST_BYTES), _MOST_BYTES)
        self._last = _last_numbers(database)
        found = set(packs.numbers(folder))
        with database:
            for pack in self._last.keys() - found:
                database.execute(f"{_WITHOUT} pack = ?", (pack,))
                del self._last[pack]
            _check_newest(folder, database)
        for pack in found - self._last.keys():
            packs.path_of(folder, pack).unlink(missing_ok=True)
        self._pack = max(self._last) if self._last else max(found, default=0) + 1
        self._size = self._cut(database) if self._last else 0

    def append(self, pictures: Sequence[bytes]) -> list[Place]:
        """Writes pictures; raises OSError and leaves nothing of them if the disk is full."""
        if not pictures:
            return []
        if self._size >= self._full:
            self._pack, self._size = self._pack + 1, 0
        places = packs.append(self._folder, self._pack, pictures)
        self._size = places[-1].offset + places[-1].size
        return places

    def take_back(self, places: Sequence[Place]) -> None:
        """Removes pictures again whose events could not be written."""
        if places:
            with contextlib.suppress(OSError):  # what is left takes room until its file is removed
                packs.cut(self._folder, places[0].pack, places[0].offset)
                self._size = places[0].offset

    @property
    def oldest(self) -> int | None:
        """The number of the newest event of the oldest file; None if there is no file."""
        return self._last[min(self._last)] if self._last else None

    def fill(self, group: Sequence[Waiting]) -> None:
        """Called when events are in the database whose pictures were appended."""
        numbers = [one.number for one in group if one.picture is not None]
        if numbers:
            self._last[self._pack] = numbers[-1]

    def remove_until(self, number: int) -> None:
        """Removes the files whose pictures are all of removed events: those with numbers up to this one."""
        for pack in [pack for pack, last in self._last.items() if last <= number]:
            with contextlib.suppress(OSError):  # it is removed with the next start
                packs.path_of(self._folder, pack).unlink(missing_ok=True)
            del self._last[pack]
            if pack == self._pack:
                self._pack, self._size = self._pack + 1, 0

    def _cut(self, database: sqlite3.Connection) -> int:
        """Removes what a crash left behind the last picture; returns the size of the newest file."""
        end = database.execute("SELECT max(start + size) FROM events WHERE pack = ?", (self._pack,)).fetchone()[0] or 0
        packs.cut(self._folder, self._pack, end)
        return int(end)


def _last_numbers(database: sqlite3.Connection) -> dict[int, int]:
    """The number of the newest event of each pack."""
    statement = "SELECT pack, max(number) FROM events WHERE pack IS NOT NULL GROUP BY pack ORDER BY pack"
    return dict(database.execute(statement))


def _check_newest(folder: Path, database: sqlite3.Connection) -> None:
    """Takes the place from the newest events whose picture is not whole."""
    statement = (
        "SELECT number, pack, start, size, checksum FROM events WHERE pack IS NOT NULL ORDER BY number DESC LIMIT ?"
    )
    for number, *place in database.execute(statement, (CHECKED,)).fetchall():
        if packs.read(folder, Place(*place)) is None:
            database.execute(f"{_WITHOUT} number = ?", (number,))
