"""Writes the history: groups of events with their pictures, the oldest removed over the limit."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from graft_device.history import tables
from graft_device.history.calendar import Count
from graft_device.history.packs import Place
from graft_device.history.queries import milliseconds
from graft_device.history.rescue import rescue
from graft_device.history.shelf import Shelf
from graft_device.history.tables import DATABASE, PAGE_BYTES
from graft_device.history.waiting import Waiting
from graft_device.outputs.damaged_database import newest_aside, remove_aside

STEP = 200
"""How many of the oldest events are removed at a time, so that nothing waits long for the database."""

_ROW_BYTES = 2000
"""More than an event takes in the database and its indexes."""

_SMALL_BYTES = 16_000_000
"""Below this limit, the log is a large part of it."""

_VACUUM_PAGES = 512
_LEAST_LOG_PAGES, _MOST_LOG_PAGES = 16, 1000


class Store:
    """The files of a history, for the one thread that writes them."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Opens or creates the database; ``Shelf`` then finds the files with pictures.

        Args:
            folder: where the files are.
            max_bytes: the largest size of everything in the folder.

        Raises:
            DamagedError: the database is damaged.
            sqlite3.Error: it cannot be opened or written.
            OSError: the disk is full or cannot be read.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        log_pages = min(max(max_bytes // 32 // PAGE_BYTES, _LEAST_LOG_PAGES), _MOST_LOG_PAGES)
        self._log_bytes = log_pages * PAGE_BYTES
        self._database = tables.open_for_writing(folder, log_pages)
        try:
            self.last = self._counted("last")
            self.count = Count(self._counted("age"), self._counted("clock"), self._counted("credit"))
            self._shelf: Shelf | None = None
        except BaseException:
            self._database.close()
            raise

    def rescue(self) -> str | None:
        """Copies the events of a database that was put aside and not rescued yet into this one, which is new.

        It is tried only once: a damaged file may end the process.

        Returns:
            What to note; None if there was nothing to rescue.

        Raises:
            sqlite3.Error: this database cannot be written.
        """
        aside = newest_aside(self._folder / DATABASE)
        if aside is None or self.last or self._counted("rescued"):
            return None
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO counts VALUES ('rescued', 1)")
        with self._transaction():
            count = rescue(self._database, aside)
        self.last = self._counted("last")
        self.count = Count(self._counted("age"))
        kept = f"{count} event{'s' * (count != 1)} of it could be rescued"
        return f"the history in {self._folder} was damaged; {kept}, and the file is kept as {aside.name}"

    def check(self) -> None:
        """Reads the whole database and the newest pictures; where a crash left half a picture, its event has none.

        Raises:
            DamagedError: the database is damaged.
            sqlite3.Error: it cannot be read or written.
            OSError: the pictures cannot be read.
        """
        tables.check(self._database)
        self._shelf = Shelf(self._folder, self._max_bytes, self._database)

    def write(self, group: Sequence[Waiting], corrections: Mapping[int, str], count: Count) -> None:
        """Writes events with their pictures in one transaction, or nothing of them.

        Args:
            group: the events, the oldest first.
            corrections: the labels that people gave to events on disk, by the number of the event.
            count: the age of the history.

        Raises:
            sqlite3.Error: the database cannot be written.
            OSError: the disk is full.
        """
        shelf = self._shelved()
        pictures = [one.picture for one in group if one.picture is not None]
        self.make_room(sum(map(len, pictures)) + _ROW_BYTES * (len(group) + len(corrections)))
        places = shelf.append(pictures)
        try:
            self._insert(group, iter(places), corrections, count)
        except BaseException:
            shelf.take_back(places)
            raise
        shelf.fill(group)
        if self._max_bytes < _SMALL_BYTES:
            self._shorten_log()

    def _insert(
        self, group: Sequence[Waiting], places: Iterator[Place], corrections: Mapping[int, str], count: Count
    ) -> None:
        age = int(count.age)
        rows = [_row(one, age, next(places) if one.picture is not None else None) for one in group]
        last = max([self.last, *(one.number for one in group)])
        counts = {"last": last, "age": age, "clock": int(count.clock), "credit": int(count.credit)}
        with self._transaction():
            tables.insert(self._database, rows)
            texts = [(label, number) for number, label in corrections.items()]
            self._database.executemany("UPDATE events SET corrected = ? WHERE number = ?", texts)
            self._database.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?)", counts.items())
        self.last = last

    def make_room(self, needed: int) -> None:
        """Removes the oldest events until so many bytes fit the limit."""
        shelf = self._shelved()
        most = self._max_bytes - shelf.margin - needed
        if self._size() > most:
            remove_aside(self._folder / DATABASE)
        while self._size() - PAGE_BYTES * self._free_pages() > most and self._remove_oldest():
            pass
        while self._size() > most + shelf.margin // 2 and self._free_pages():
            self._database.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            self._shorten_log()

    def remove_older(self, age: float) -> bool:
        """Removes some of the events that came before an age of the history; returns whether there may be more."""
        statement = "SELECT number, age FROM events ORDER BY number LIMIT ?"
        oldest = self._database.execute(statement, (STEP,)).fetchall()
        old = [number for number, _ in itertools.takewhile(lambda row: row[1] < age, oldest)]
        if old:
            self._remove_until(old[-1])
        return len(old) == STEP

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def _shelved(self) -> Shelf:
        if self._shelf is None:
            self.check()
        assert self._shelf is not None  # noqa: S101  check has set it
        return self._shelf

    def _remove_oldest(self) -> bool:
        """Removes a step of the oldest events, or those of the oldest file of pictures if they are fewer."""
        statement = "SELECT max(number) FROM (SELECT number FROM events ORDER BY number LIMIT ?)"
        number = self._database.execute(statement, (STEP,)).fetchone()[0]
        if number is None:
            return False
        pictured = self._shelved().oldest
        self._remove_until(number if pictured is None else min(number, pictured))
        return True

    def _remove_until(self, number: int) -> None:
        with self._transaction():
            self._database.execute("DELETE FROM events WHERE number <= ?", (number,))
        self._shelved().remove_until(number)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            yield
            self._database.commit()
        except BaseException:
            self._database.rollback()
            raise

    def _size(self) -> int:
        """The size of everything in the folder; the log counts as short as it is after ``_shorten_log``."""
        log = self._log_size()
        return sum(_sizes(self._folder)) - log + min(log, self._log_bytes)

    def _log_size(self) -> int:
        try:
            return (self._folder / f"{DATABASE}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def _shorten_log(self) -> None:
        """Moves a long log into the database: removing many events at once makes one."""
        if self._log_size() > self._log_bytes:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _free_pages(self) -> int:
        return int(self._database.execute("PRAGMA freelist_count").fetchone()[0])

    def _counted(self, name: str) -> int:
        row = self._database.execute("SELECT value FROM counts WHERE name = ?", (name,)).fetchone()
        return row[0] if row is not None and isinstance(row[0], int) else 0


def _sizes(folder: Path) -> list[int]:
    sizes = []
    for path in folder.iterdir():
        try:
            sizes.append(path.lstat().st_size)
        except FileNotFoundError:
            continue
    return sizes


def _row(one: Waiting, age: int, place: Place | None) -> tuple[object, ...]:
    event = one.event
    where = (None,) * 4 if place is None else (place.pack, place.offset, place.size, place.checksum)
    body = json.dumps(event.to_json(), separators=(",", ":")).encode()
    return (
        one.number, event.id, milliseconds(event.time), age, event.label, event.source, event.region, event.kind,
        event.score, one.corrected, *where, body,
    )  # fmt: skip
