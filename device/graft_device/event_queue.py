"""Events on their way to a broker: kept on disk until it has them, through crashes of either side."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, os_reason
from graft_device.events import Event
from graft_device.sources.base import Note

MAX_IN_MEMORY = 1000
"""How many events are kept in memory while the disk takes none."""

_TABLES = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counts VALUES ('seq', 0), ('dropped', 0);
"""


class EventQueue:
    """A queue of events in an SQLite file, bounded in bytes: over the limit the oldest go, and are counted.

    Numbers go on where the last run ended, whatever became of its events. A full disk stops nothing: events wait in
    memory then. May be used by several threads, and by one process at a time.
    """

    def __init__(self, folder: Path, max_bytes: int, note: Note) -> None:
        """Opens the queue, or makes it.

        Args:
            folder: where the queue's files lie.
            max_bytes: how much the waiting events may take, as JSON.
            note: takes a line when events must be dropped or cannot be stored, once each time it begins.

        Raises:
            GraftError: the folder cannot be used, or another run uses it.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._note = note
        self._guard = threading.RLock()
        self._memory: dict[int, bytes] = {}
        self._acknowledged: set[int] = set()
        self._failing = self._dropping = self._closed = False
        self._lock_file = _locked(folder)
        try:
            self._database = self._open()
            self._seq, self._dropped_before = self._counts()
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock_file)
            raise GraftError(f"cannot keep events in {folder}: {_why(error)}; choose another --queue") from error
        self.dropped = 0
        self._bytes = int(self._database.execute("SELECT coalesce(sum(length(body)), 0) FROM events").fetchone()[0])

    def __len__(self) -> int:
        with self._guard:
            return len(self._memory) + self._stored()

    def keep(self, event: Event) -> Event:
        """Gives the event its number and stores it."""
        with self._guard:
            self._seq += 1
            event = replace(event, seq=self._seq)
            self._memory[event.seq] = event.to_line().encode()
            self._try_to_flush()
            while len(self._memory) > MAX_IN_MEMORY:
                del self._memory[min(self._memory)]
                self._count_dropped(1)
        return event

    def waiting(self, after: int, count: int) -> list[tuple[int, bytes]]:
        """The oldest events with numbers above ``after``, in order: number and JSON."""
        with self._guard:
            query = "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = self._read(query, after, count + len(self._acknowledged))
            rows += [(seq, body) for seq, body in self._memory.items() if seq > after]
            return sorted((seq, bytes(body)) for seq, body in rows if seq not in self._acknowledged)[:count]

    def done(self, seq: int) -> None:
        """Forgets an event that the broker has."""
        with self._guard:
            if self._memory.pop(seq, None) is None:
                self._acknowledged.add(seq)
                self._try_to_flush()
            if self._dropping and not len(self):
                self._dropping = False
                self._note(f"the queue is empty again; {self.dropped} events were dropped in this run")

    def close(self) -> None:
        """Writes what is still in memory, if the disk takes it now, and closes the file."""
        with self._guard:
            self._try_to_flush()
            self._closed = True
            self._database.close()
            os.close(self._lock_file)

    def _flush(self) -> None:
        """Brings the file up to date in one transaction: new events in, acknowledged and overdue ones out."""
        with self._database:
            gone = self._delete(self._acknowledged)
            self._database.executemany("INSERT INTO events VALUES (?, ?)", self._memory.items())
            added = sum(map(len, self._memory.values()))
            excess, freed = self._excess(self._bytes + added - gone)
            self._database.execute("UPDATE counts SET value = ? WHERE name = 'seq'", (self._seq,))
            self._database.execute("UPDATE counts SET value = value + ? WHERE name = 'dropped'", (excess,))
        self._bytes += added - gone - freed
        self._memory.clear()
        self._acknowledged.clear()
        self._count_dropped(excess)

    def _delete(self, numbers: set[int]) -> int:
        """Removes events from the file; returns their bytes."""
        freed = 0
        for seq in numbers:
            row = self._database.execute("SELECT length(body) FROM events WHERE seq = ?", (seq,)).fetchone()
            if row is not None:
                freed += int(row[0])
                self._database.execute("DELETE FROM events WHERE seq = ?", (seq,))
        return freed

    def _excess(self, total: int) -> tuple[int, int]:
        """Removes the oldest events until ``total`` bytes fit the limit; returns how many, and their bytes."""
        if total <= self._max_bytes:
            return 0, 0
        last, count, freed = 0, 0, 0
        for seq, size in self._database.execute("SELECT seq, length(body) FROM events ORDER BY seq"):
            last, count, freed = seq, count + 1, freed + size
            if total - freed <= self._max_bytes:
                break
        self._database.execute("DELETE FROM events WHERE seq <= ?", (last,))
        return count, freed

    def _count_dropped(self, count: int) -> None:
        self.dropped += count
        if count and not self._dropping:
            self._dropping = True
            self._note("the queue is full: the oldest events are dropped until the broker takes some")

    def _try_to_flush(self) -> None:
        """Brings the file up to date if the disk takes it; if not, everything stays in memory as it is."""
        try:
            self._flush()
        except sqlite3.Error as error:
            self._failed(error)
            return
        if self._failing:
            self._note(f"events are stored in {self._folder} again")
        self._failing = False

    def _failed(self, error: sqlite3.Error) -> None:
        if not (self._failing or self._closed):
            self._note(f"cannot store events in {self._folder}: {_why(error)}; they wait in memory")
        self._failing = True

    def _read(self, query: str, *values: int) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._failed(error)
            return []

    def _stored(self) -> int:
        rows = self._read("SELECT count(*) FROM events")
        return max(0, int(rows[0][0]) - len(self._acknowledged)) if rows else 0

    def _counts(self) -> tuple[int, int]:
        values = dict(self._database.execute("SELECT name, value FROM counts"))
        highest = self._database.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        return max(int(values["seq"]), int(highest)), int(values["dropped"])

    def _open(self) -> sqlite3.Connection:
        path = self._folder / "events.db"
        try:
            return _connect(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            aside = path.with_name(f"events.damaged-{time.time_ns()}.db")
            for name in (path, path.with_name("events.db-wal"), path.with_name("events.db-shm")):
                if name.exists():
                    name.replace(aside if name == path else name.with_name(aside.name + name.name[-4:]))
            self._note(f"the queue in {self._folder} is damaged and was put aside as {aside.name}; numbers start over")
            return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        # A write-ahead log with few syncs: nothing is lost when a process dies, and an SD card is spared.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "wal_autocheckpoint=100",
            "journal_size_limit=1000000",
        ):
            database.execute(f"PRAGMA {pragma}")
        database.executescript(_TABLES)
        database.execute("SELECT count(*) FROM events").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock until it is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GraftError(f"cannot keep events in {folder}: {os_reason(error)}; choose another --queue") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise GraftError(f"another run uses the queue in {folder}: choose another --queue for this one") from error
    return descriptor


def _why(error: Exception) -> str:
    return os_reason(error) if isinstance(error, OSError) else str(error)
