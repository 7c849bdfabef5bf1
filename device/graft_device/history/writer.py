"""The thread that writes the history: encodes pictures, groups events, and goes on after a full or damaged disk."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.errors import GraftError, why
from graft_device.history.calendar import Calendar
from graft_device.history.pictures import encoded
from graft_device.history.store import Store
from graft_device.history.tables import DATABASE
from graft_device.outputs.damaged_database import is_damage, name_aside, put_aside, readably

if TYPE_CHECKING:
    from graft_device.history.waiting import Waiting, WaitingEvents
    from graft_device.sources.base import Note

_DAY_S = 86_400
_LOOK_S = 3600.0
"""Seconds between two looks for events that are too old."""

_PAUSE_S = 60.0
"""Seconds before a damaged file is replaced again: a card that damages whatever is written must not fill the folder."""


@dataclass(frozen=True)
class Pace:
    """When events are written.

    Attributes:
        seconds: how long an event waits for others to be written with it.
        events: how many are written together at most; as soon as so many wait, they are written.
        retry_s: seconds until the next try when they cannot be written.
    """

    seconds: float = 10.0
    events: int = 50
    retry_s: float = 5.0


@dataclass(frozen=True)
class Caps:
    """What is kept at most.

    Attributes:
        max_bytes: the size of everything in the folder.
        days: how old events become.
    """

    max_bytes: int
    days: float


class Writer:
    """Writes the events that wait. Its methods are for one thread, except ``close``."""

    def __init__(self, folder: Path, caps: Caps, waiting: WaitingEvents, note: Note, pace: Pace) -> None:
        """Opens the database.

        Args:
            folder: where the history is.
            caps: what is kept at most.
            waiting: the events to write.
            note: called with a line when events cannot be kept, once per outage, and when they can again.
            pace: when to write.

        Raises:
            sqlite3.Error: the database cannot be opened.
            OSError: its file cannot be read.
        """
        self._folder, self._caps, self._pace = folder, caps, pace
        self._waiting = waiting
        self._note = note
        self._store: Store | None = None
        self._calendar: Calendar | None = None
        self._closing = self._failing = self._suspected = False
        self._try_at = self._look_at = self._replaced_at = self._checked_at = float("-inf")
        self._stored_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="history of events", daemon=True)

    def open(self) -> None:
        """Opens the database; a damaged one is put aside, and a new one begun.

        Raises:
            sqlite3.Error: it cannot be opened.
            OSError: its file cannot be read or put aside.
        """
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            if not self._is_replaceable(error):
                raise
            self._replace()

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def failed(self, error: Exception) -> None:
        """Notes that events cannot be kept now; the thread tries again."""
        if not self._failing:
            self._note(f"cannot keep events in {self._folder}: {why(error)}; the newest wait in memory")
        self._failing = True
        self._try_at = time.monotonic() + self._pace.retry_s

    def close(self, seconds: float) -> None:
        """Writes what is left, and ends the thread.

        Args:
            seconds: how long that may take.
        """
        with self._waiting.changed:
            self._closing = True
            self._waiting.changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            one = self._waiting.to_encode()
            if one is not None:
                self._encode(one)
            if self._due():
                self._work()
            with self._waiting.changed:
                if self._closing and (self._failing or not (len(self._waiting) or self._waiting.corrections())):
                    break
                if one is None and not self._due() and not self._closing:
                    self._waiting.changed.wait(self._next())
        if self._store is not None:
            self._store.close()

    def _encode(self, one: Waiting) -> None:
        picture = None
        with contextlib.suppress(GraftError, MemoryError):  # the file was deleted in the meantime, or is no photo
            picture = encoded(one.raw) if one.raw is not None else None
        if picture is not None and len(picture) > self._caps.max_bytes // 4:
            picture = None
        self._waiting.encoded(one.number, picture)

    def _due(self) -> bool:
        now = time.monotonic()
        if self._closing:
            return True
        if now < self._try_at:
            return False
        oldest = self._waiting.oldest()
        grouped = oldest is not None and (
            now - oldest.since >= self._pace.seconds or len(self._waiting) >= self._pace.events
        )
        return grouped or bool(self._waiting.corrections()) or now >= self._look_at or self._is_to_check(now)

    def _is_to_check(self, now: float) -> bool:
        """Whether to look for damage that a reader found; at most once in ``_PAUSE_S``."""
        if now - self._checked_at > _PAUSE_S and self._waiting.suspected():
            self._checked_at = now
            self._suspected = True
        return self._suspected

    def _next(self) -> float:
        """Seconds until there may be something to do."""
        now = time.monotonic()
        oldest = self._waiting.oldest()
        at = self._look_at if oldest is None else min(self._look_at, oldest.since + self._pace.seconds)
        return max(0.0, max(at, self._try_at) - now)

    def _work(self) -> None:
        try:
            readably(self._keep)
        except (sqlite3.Error, OSError) as error:
            if self._is_replaceable(error):
                self._try_to_replace()
            else:
                self.failed(error)
            return
        if self._failing:
            self._note(f"events are kept in {self._folder} again")
        self._failing = False

    def _keep(self) -> None:
        """Writes a group of events, and removes old ones."""
        suspected, self._suspected = self._suspected, False
        if suspected and self._store is not None:  # its connection remembers pages that the disk no longer has
            self._store.close()
            self._store = None
        if self._store is None:
            self._open()
        store, calendar = self._store, self._calendar
        assert store is not None  # noqa: S101  opened above
        assert calendar is not None  # noqa: S101
        if suspected:
            store.check()
        now = time.monotonic()
        age = calendar.at(now, time.time())
        group = self._waiting.group(self._pace.events, self._caps.max_bytes // 8)
        corrections = self._waiting.corrections()
        if group or corrections or now - self._stored_at > _DAY_S:
            store.write(group, corrections, calendar.count)
            self._stored_at = now
            self._waiting.written(group, corrections)
        if now >= self._look_at and not store.remove_older(age - self._caps.days * _DAY_S):
            self._look_at = now + _LOOK_S

    def _open(self) -> None:
        store = readably(lambda: Store(self._folder, self._caps.max_bytes))
        try:
            note = store.rescue()
        except BaseException:
            store.close()
            raise
        if note is not None:
            self._note(note)
        self._store = store
        self._waiting.start_after(store.last)
        if self._calendar is None:
            self._calendar = Calendar(store.count, self._caps.days * _DAY_S / 4)
            self._calendar.at(time.monotonic(), time.time())

    def _is_replaceable(self, error: Exception) -> bool:
        recently = time.monotonic() - self._replaced_at < _PAUSE_S
        return not recently and is_damage(error, self._folder / DATABASE)

    def _try_to_replace(self) -> None:
        try:
            self._replace()
        except (sqlite3.Error, OSError) as error:
            self.failed(error)

    def _replace(self) -> None:
        """Puts the damaged file aside, and begins a new one with what can be read of it."""
        self._replaced_at = time.monotonic()
        if self._store is not None:
            self._store.close()
            self._store = None
        put_aside(self._folder / DATABASE, name_aside(self._folder / DATABASE))
        self._open()
