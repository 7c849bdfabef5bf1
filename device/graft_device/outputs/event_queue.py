"""Keeps events on disk until they are delivered, through crashes of either side."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, why
from graft_device.outputs.event_store import DATABASE, Lock, is_full, open_database
from graft_device.outputs.events import Event
from graft_device.sources.base import Note

MAX_IN_MEMORY = 1000
"""How many events are kept in memory while the disk accepts none."""

_STORING = (sqlite3.Error, OSError, GraftError)


class EventQueue:
    """A queue of events in an SQLite file, limited in bytes. Over the limit, the oldest events are dropped and counted.

    It remembers the last number across runs, whether or not the events were delivered. A full disk does not stop it,
    not even at the start: events then wait in memory. Several threads may use it, but only one process at a time.

    Attributes:
        dropped: how many events were dropped in this run.
    """

    def __init__(self, folder: Path, max_bytes: int, note: Note) -> None:
        """Opens or creates the queue.

        Args:
            folder: where the queue's files are stored.
            max_bytes: the largest size of the waiting events, as JSON.
            note: called with a line when events are dropped or cannot be stored, once per outage.

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
        self._lock: Lock | None = None
        self._opened: sqlite3.Connection | None = None
        self._seq = self._bytes = self.dropped = 0
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            if is_full(error, folder):
                self._failed(error)
                return
            self._release()
            raise GraftError(f"cannot keep events in {folder}: {why(error)}", "choose another --queue") from error

    @property
    def folder(self) -> Path:
        """Where the queue's files are stored."""
        return self._folder

    def __len__(self) -> int:
        with self._guard:
            return len(self._memory) + self._stored()

    @property
    def last_number(self) -> int:
        """The highest number that the queue remembers, from this run and earlier ones; 0 for none."""
        with self._guard:
            return self._seq

    def put(self, event: Event) -> None:
        """Stores an event under its number, which must be higher than ``last_number``."""
        with self._guard:
            self._seq = max(self._seq, event.seq)
            if self._lock is not None:
                self._lock.remember(self._seq)
            self._memory[event.seq] = event.to_line().encode()
            self._try_to_flush()
            while len(self._memory) > MAX_IN_MEMORY:
                del self._memory[min(self._memory)]
                self._count_dropped(1)

    def waiting(self, after: int, count: int) -> list[tuple[int, bytes]]:
        """The number and the JSON of the oldest ``count`` events with numbers above ``after``, in order."""
        with self._guard:
            query = "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = self._read(query, after, count + len(self._acknowledged))
            rows += [(seq, body) for seq, body in self._memory.items() if seq > after]
            return sorted((seq, bytes(body)) for seq, body in rows if seq not in self._acknowledged)[:count]

    def done(self, seq: int) -> None:
        """Removes an event that was delivered."""
        with self._guard:
            if self._memory.pop(seq, None) is None:
                self._acknowledged.add(seq)
                self._try_to_flush()
            if self._dropping and not len(self):
                self._dropping = False
                self._note(f"the queue is empty again; {self.dropped} events were dropped in this run")

    def settle(self) -> int:
        """Writes what is still in memory if the disk accepts it now; returns how many events are on disk then."""
        with self._guard:
            self._try_to_flush()
            return self._stored() if (self._folder / DATABASE).exists() else 0

    def close(self) -> None:
        """Writes what is still in memory if the disk accepts it now, and closes the files."""
        with self._guard:
            self._try_to_flush()
            self._closed = True
            self._release()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            raise sqlite3.OperationalError("the queue's file is not open")
        return self._opened

    def _open(self) -> None:
        """Opens what is not open; numbers go on after the highest in any file."""
        if self._closed:  # a receiver that hung may come back late
            raise sqlite3.OperationalError("the queue is closed")
        if self._lock is None:
            self._lock = Lock(self._folder)
            self._seq = max(self._seq, self._lock.number())
        if self._opened is None:
            self._opened = open_database(self._folder, self._note)
            counts = dict(self._opened.execute("SELECT name, value FROM counts"))
            events = "SELECT coalesce(max(seq), 0), coalesce(sum(length(body)), 0) FROM events"
            highest, self._bytes = self._opened.execute(events).fetchone()
            self._seq = max(self._seq, int(counts["seq"]), int(highest))

    def _release(self) -> None:
        if self._opened is not None:
            self._opened.close()
        if self._lock is not None:
            self._lock.close()
        self._opened = self._lock = None

    def _flush(self) -> None:
        """Updates the file in one transaction: adds new events, removes delivered ones and those over the limit."""
        self._open()
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
            self._note("the queue is full: the oldest events are dropped until some are delivered")

    def _try_to_flush(self) -> None:
        """Updates the file if the disk accepts it; if not, everything stays in memory."""
        try:
            self._flush()
        except _STORING as error:
            self._failed(error)
            return
        if self._failing:
            self._note(f"events are stored in {self._folder} again")
        self._failing = False

    def _failed(self, error: Exception) -> None:
        if not (self._failing or self._closed):
            self._note(f"cannot store events in {self._folder}: {why(error)}; they wait in memory")
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
