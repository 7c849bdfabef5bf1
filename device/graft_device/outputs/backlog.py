"""What a receiver sees of an event queue: the events to deliver, when to end, and how to report."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.outputs.event_queue import EventQueue
    from graft_device.sources.base import Note

STEADY_S = 10.0
"""After a session that worked for this many seconds, the waits between tries start over."""


class Backlog:
    """The events that wait for one receiver.

    Attributes:
        newest: the newest event of this run as JSON, by the id of its view.
    """

    def __init__(self, queue: EventQueue, receiver: str, note: Note) -> None:
        """Creates a backlog on a queue.

        Args:
            queue: the events on disk.
            receiver: the receiver's name, for notes.
            note: called with a line when the receiver is lost, and when it is back.
        """
        self._queue = queue
        self._receiver = receiver
        self._note = note
        self._trouble: set[str] = set()
        self._working_since: float | None = None
        self._close_by: float | None = None
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._away: frozenset[str | None] = frozenset()
        self.newest: dict[str, bytes] = {}

    def __len__(self) -> int:
        """How many events are not delivered."""
        return len(self._queue)

    # For the receiver

    @property
    def closing(self) -> bool:
        """Whether the run is ending."""
        return self._close_by is not None

    @property
    def overdue(self) -> bool:
        """Whether the run is ending, and the time for the rest is up."""
        return self._close_by is not None and time.monotonic() > self._close_by

    @property
    def finished(self) -> bool:
        """Whether the receiver is to end: the run is ending, and all is delivered or the time is up."""
        return self.closing and (not len(self._queue) or self.overdue)

    @property
    def descriptor(self) -> int:
        """A file descriptor for ``select``: readable when there is a new event, or the run is ending."""
        return self._reader

    @property
    def present(self) -> bool:
        """Whether all sources give frames."""
        return not self._away

    def has(self, source: str) -> bool:
        """Whether a source gives frames."""
        return not self._away & {source, None}

    def waiting(self, after: int, count: int) -> list[tuple[int, bytes]]:
        """The oldest events that are not delivered.

        Args:
            after: only events with higher numbers.
            count: the largest number of events to return.

        Returns:
            Number and JSON of each event, in order of their numbers.
        """
        return self._queue.waiting(after, count)

    def done(self, number: int) -> None:
        """Removes an event from the queue: the receiver has it."""
        self._queue.done(number)

    def wait(self, seconds: float) -> None:
        """Waits until there is a new event or the run is ending, for some seconds at most."""
        select.select([self._reader], [], [], max(0.0, seconds))
        drain(self._reader)

    def works(self) -> None:
        """Called by a receiver when it can deliver. After trouble, a note says that it is back."""
        if self._working_since is None:
            self._working_since = time.monotonic()
        if self._trouble:
            count = len(self)
            self._note(f"{self._receiver} is back; {count} event{'s' * (count != 1)} to send")
        self._trouble.clear()

    # For the thread that drives the receiver

    def announce(self, body: bytes, view: str = "") -> None:
        """Wakes the receiver: the queue has a new event, which is the newest one of its view."""
        self.newest[view] = body
        self._wake()

    def source_changed(self, present: bool, source: str | None = None) -> None:
        """Wakes the receiver: a source, or the only one, has gone away or is back."""
        self._away = self._away - {source} if present else self._away | {source}
        self._wake()

    def close_within(self, seconds: float) -> None:
        """Wakes the receiver: the run is ending, and this is how long it may still deliver."""
        self._close_by = time.monotonic() + seconds
        self._wake()

    @property
    def given_up(self) -> bool:
        """Whether no further session is worth a try: as ``finished``, or the receiver is in trouble at the end."""
        return self.finished or (self.closing and bool(self._trouble))

    def troubled(self, reason: str) -> None:
        """Notes why a session ended, each reason once per outage."""
        if reason not in self._trouble and not self.given_up:
            self._note(f"{self._receiver}: {reason}; trying again, events are kept")
        self._trouble.add(reason)

    def session_ended(self) -> bool:
        """Ends a session; returns whether it worked for ``STEADY_S``."""
        since, self._working_since = self._working_since, None
        return since is not None and time.monotonic() - since > STEADY_S

    def release(self) -> None:
        """Closes the descriptors."""
        os.close(self._reader)
        os.close(self._writer)

    def _wake(self) -> None:
        try:
            os.write(self._writer, b"x")
        except BlockingIOError:
            return  # it is awake already


def drain(descriptor: int) -> None:
    """Reads a pipe empty."""
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        return
