"""The sink that keeps events and their pictures."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from graft_device.errors import why
from graft_device.history.kept import Kept
from graft_device.history.queries import HistoryError
from graft_device.history.waiting import WaitingEvents
from graft_device.history.writer import Caps, Pace, Writer
from graft_device.outputs.event_store import is_full
from graft_device.outputs.sink import Sink
from graft_device.system.locks import NoLocksError, lock_file

if TYPE_CHECKING:
    from graft_device.config.settings import EventsSettings
    from graft_device.outputs.events import Event
    from graft_device.sources.base import Note

CLOSE_S = 10.0
"""How many seconds the end of a run waits until what is left is on disk."""


class KeptEvents(Sink):
    """Keeps events and pictures in a folder, in groups, by a thread: ``put`` only hands over.

    Attributes:
        kept: reads the history, with the events that are not on disk yet.
    """

    name = "history of events"

    def __init__(self, settings: EventsSettings, note: Note, pace: Pace | None = None) -> None:
        """Opens the history and starts the thread.

        Args:
            settings: the folder, and what is kept in it.
            note: called with a line when something cannot be kept, once per outage.
            pace: when events are written; after 10 seconds or 50 events when None.

        Raises:
            HistoryError: the folder cannot be used, or another run uses it.
        """
        self._pictures = frozenset(settings.pictures)
        self._waiting = WaitingEvents()
        self._note = note
        self._noted = 0
        folder = settings.folder
        caps = Caps(round(settings.max_mb * 1e6), settings.days)
        self._writer = Writer(folder, caps, self._waiting, note, pace or Pace())
        self._reserve(settings)
        self.kept = Kept(folder, self._waiting)
        self._writer.start()

    @property
    def last_number(self) -> int:
        """The highest number that the history remembers, from this run and earlier ones; 0 for none."""
        return self._waiting.last

    def put(self, event: Event) -> None:
        """Hands the event to the thread; never blocks, never fails."""
        wanted = event.photo is not None and (not self._pictures or event.label in self._pictures)
        self._waiting.add(event, time.monotonic(), wanted)
        self._note_lost()

    def correct(self, event_id: str, label: str) -> bool:
        """Remembers the label that a person gave to an event. Any thread may call it.

        Args:
            event_id: the id of the event.
            label: what it was.

        Returns:
            Whether there is such an event.

        Raises:
            HistoryError: the history cannot be read now.
        """
        if self._waiting.correct(event_id, label):
            return True
        number = self.kept.number(event_id)
        if number is None:
            return False
        self._waiting.correct_stored(number, label)
        return True

    def close(self) -> None:
        """Writes what is left within some seconds, and releases the folder."""
        self._writer.close(CLOSE_S)
        left = len(self._waiting)
        if left:
            self._note(f"{self.name}: {left} event{'s' * (left != 1)} could not be kept")
        self._lock.close()

    def _reserve(self, settings: EventsSettings) -> None:
        """Takes the folder for this process, and opens what is in it."""
        folder = settings.folder
        remedy = "choose another folder to keep events in"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = lock_file(folder / "lock")
        except NoLocksError as error:
            raise HistoryError(f"events cannot be kept in {folder}, whose file system has no locks", remedy) from error
        except OSError as error:
            raise HistoryError(f"cannot keep events in {folder}: {why(error)}", remedy) from error
        if lock is None:
            raise HistoryError(f"another run keeps its events in {folder}", remedy)
        self._lock = lock
        try:
            self._writer.open()
        except (sqlite3.Error, OSError) as error:
            if is_full(error, folder):
                self._writer.failed(error)
                return
            lock.close()
            raise HistoryError(f"cannot keep events in {folder}: {why(error)}", remedy) from error

    def _note_lost(self) -> None:
        """Notes what was given up: the first time, and then each time that the number has doubled."""
        events, pictures = self._waiting.lost_events, self._waiting.lost_pictures
        lost = events + pictures
        if lost.bit_length() > self._noted.bit_length():
            self._note(f"{self.name}: {events} events and the pictures of {pictures} were given up so far")
            self._noted = lost
