"""Keeps events on disk until they are delivered, through crashes of either side."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from graft_device.errors import GraftError, why
from graft_device.outputs.damaged_database import is_damage, name_aside, put_aside, readably, still_aside
from graft_device.outputs.damaged_queue import is_sound, readable_events
from graft_device.outputs.event_store import DATABASE, Lock, is_full, measure, open_database
from graft_device.outputs.events import Event
from graft_device.sources.base import Note

MAX_IN_MEMORY = 1000
"""How many events are kept in memory while the disk accepts none."""

_PAUSE_S = 60.0
"""Seconds before a damaged file is replaced again: a card that damages whatever is written must not fill the folder."""

_Answer = TypeVar("_Answer")
_STORING = (sqlite3.Error, OSError, GraftError)


class EventQueue:
    """A queue of events in an SQLite file, limited in bytes. Over the limit, the oldest events are dropped and counted.

    It remembers the last number across runs, whether or not the events were delivered. A full disk does not stop it,
    not even at the start: events then wait in memory. A damaged file does not stop it either: it is put aside, what
    can be read of it is rescued, and a single damaged event is dropped. Several threads may use the queue, but only
    one process at a time.

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
        self._seq = self._bytes = self.dropped = self._damaged = 0
        self._replaced_at = float("-inf")
        try:
            self._past_damage(self._open)
            self._go_on_with_rescue()
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
            damaged: set[int] = set()
            while True:
                query = "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
                rows = self._read(query, after, count + len(self._acknowledged))
                new = {seq for seq, body in rows if seq not in self._acknowledged and not is_sound(seq, body)}
                if not new:
                    break
                damaged |= new
                self._acknowledged |= new
                self._try_to_flush()
            self._count_damaged(len(damaged))
            rows += [(seq, body) for seq, body in self._memory.items() if seq > after]
            return sorted((seq, body) for seq, body in rows if seq not in self._acknowledged)[:count]

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
            still_aside(self._folder / DATABASE, self._lock.rescuing())  # its log is not part of the new file
            database = open_database(self._folder)
            try:
                self._measure(database)
            except BaseException:
                database.close()
                raise
            self._opened = database

    def _measure(self, database: sqlite3.Connection) -> None:
        contents = measure(database)
        self._bytes = contents.bytes
        self._seq = max(self._seq, contents.highest)
        self._count_damaged(contents.unusable)

    def _past_damage(self, action: Callable[[], _Answer]) -> _Answer:
        """Does something with the file; if the file is damaged, replaces it and does that again.

        Raises:
            sqlite3.Error: it fails for another reason, or the file was replaced a moment ago.
            OSError: the damaged file cannot be put aside.
        """
        try:
            return readably(action)
        except sqlite3.Error as error:
            recently = time.monotonic() - self._replaced_at < _PAUSE_S
            if self._closed or recently or not is_damage(error, self._folder / DATABASE):
                raise
            self._replaced_at = time.monotonic()
            self._replace()
            return readably(action)

    def _replace(self) -> None:
        """Puts the damaged file aside and opens a new one with the events that can still be read."""
        self._close_database()
        aside = name_aside(self._folder / DATABASE)
        if self._lock is not None:
            self._lock.rescue(aside.name)
        put_aside(self._folder / DATABASE, aside)
        self._rescue(aside)
        if self._lock is not None:
            self._lock.rescue("")

    def _go_on_with_rescue(self) -> None:
        """Rescues the events of a damaged file if an earlier run was interrupted while it did so."""
        name = self._lock.rescuing() if self._lock is not None else ""
        if self._lock is not None and name:
            self._lock.rescue("")  # tried only once more: it may be what ended that run
            if (aside := still_aside(self._folder / DATABASE, name)) is not None:
                self._rescue(aside)

    def _rescue(self, aside: Path) -> None:
        """Copies the events that can still be read from a file that was put aside."""
        events = {
            seq: body
            for seq, body in readable_events(aside)
            if seq not in self._acknowledged and seq not in self._memory
        }
        try:
            self._open()
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO events VALUES (?, ?)", events.items())
            self._measure(self._database)
        except sqlite3.Error:  # a full disk: the newest events wait in memory, and all are in the file put aside
            events = dict(sorted(events.items())[-MAX_IN_MEMORY:])
            self._memory.update(events)
            self._seq = max(self._seq, *self._memory, 0)
        count = len(events)
        kept = f"{count} event{'s' * (count != 1)} of it could be rescued"
        self._note(f"the queue in {self._folder} was damaged; {kept}, and the file is kept as {aside.name}")

    def _close_database(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _release(self) -> None:
        self._close_database()
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _flush(self) -> None:
        """Updates the file in one transaction: adds new events, removes delivered ones and those over the limit."""
        self._open()
        with self._database:
            gone = self._delete(self._acknowledged)
            self._database.executemany("INSERT OR REPLACE INTO events VALUES (?, ?)", self._memory.items())
            added = sum(map(len, self._memory.values()))
            excess, freed = self._excess(self._bytes + added - gone)
            self._database.execute("UPDATE counts SET value = ? WHERE name = 'seq'", (self._seq,))
            self._database.execute("UPDATE counts SET value = value + ? WHERE name = 'dropped'", (excess,))
        self._bytes = max(0, self._bytes + added - gone - freed)
        self._memory.clear()
        self._acknowledged.clear()
        self._count_dropped(excess)

    def _delete(self, numbers: set[int]) -> int:
        """Removes events from the file; returns their bytes."""
        freed = 0
        for seq in numbers:
            row = self._database.execute("SELECT length(body) FROM events WHERE seq = ?", (seq,)).fetchone()
            if row is not None:
                freed += int(row[0] or 0)
                self._database.execute("DELETE FROM events WHERE seq = ?", (seq,))
        return freed

    def _excess(self, total: int) -> tuple[int, int]:
        """Removes the oldest events until ``total`` bytes fit the limit; returns how many, and their bytes."""
        if total <= self._max_bytes:
            return 0, 0
        last, count, freed = 0, 0, 0
        for seq, size in self._database.execute("SELECT seq, coalesce(length(body), 0) FROM events ORDER BY seq"):
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

    def _count_damaged(self, count: int) -> None:
        """Counts damaged events that were dropped; notes the first one, and then each time their number has doubled."""
        before, self._damaged = self._damaged, self._damaged + count
        self.dropped += count
        if self._damaged.bit_length() > before.bit_length():
            many = self._damaged > 1
            events = f"{self._damaged} events in the queue were" if many else "an event in the queue was"
            self._note(f"{events} damaged and {'are' if many else 'is'} dropped")

    def _try_to_flush(self) -> None:
        """Updates the file if the disk accepts it; if not, everything stays in memory."""
        try:
            self._past_damage(self._flush)
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
            return self._past_damage(lambda: self._database.execute(query, values).fetchall())
        except _STORING as error:
            self._failed(error)
            return []

    def _stored(self) -> int:
        rows = self._read("SELECT count(*) FROM events")
        return max(0, int(rows[0][0]) - len(self._acknowledged)) if rows else 0
