"""Delivers the events of a queue one by one, with their pictures, to a receiver that may refuse or be busy."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from graft_device.actions.pictures import Pictures
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.queued import Queued, Receiver

if TYPE_CHECKING:
    from pathlib import Path

    from graft_device.outputs.backlog import Backlog
    from graft_device.outputs.sink import Sink
    from graft_device.sources.base import Note
    from graft_device.system.backoff import Backoff

TRIES = 5
"""How often an event is offered that the receiver refuses; then it is dropped, and the next one has its turn."""

MAX_PAUSE_S = 3600.0
"""The longest time that a receiver may ask to wait, in seconds."""

_IDLE_S = 1.0
_ALL = 1 << 30
_PICTURES_SHARE = 0.75


class RefusedError(Exception):
    """The receiver answers that it does not want this event. Another try may help, but not many."""


class BusyError(Exception):
    """The receiver asks to be tried again later.

    Attributes:
        seconds: how long to wait.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Delivery(Receiver):
    """Delivers by a sink's ``put``, whose events have their JPEG as ``photo``: the oldest first."""

    def __init__(self, sink: Sink, pictures: Pictures | None, note: Note) -> None:
        """Delivers nothing before ``serve``.

        Args:
            sink: its ``put`` may block. It raises RefusedError, BusyError, or any other exception if the event was not
                delivered.
            pictures: those of the queue; None for none.
            note: called with a line when an event is dropped.
        """
        self.name = sink.name
        self._sink = sink
        self._pictures = pictures
        self._note = note
        self._refused = (0, 0)
        self._not_before = float("-inf")
        self.dropped = 0

    def serve(self, backlog: Backlog) -> None:
        """Delivers events until ``backlog.finished``; raises what the sink raises."""
        while not backlog.finished:
            pause = self._not_before - time.monotonic()
            if pause > 0 and backlog.closing:
                return
            oldest = [] if pause > 0 else backlog.waiting(0, 1)
            if not oldest:
                backlog.wait(min(pause, _IDLE_S) if pause > 0 else _IDLE_S)
                continue
            number, body = oldest[0]
            if self._is_taken(number, body):
                backlog.works()
            backlog.done(number)
            if self._pictures is not None:
                self._pictures.done(number)

    def close(self) -> None:
        """Closes the sink."""
        self._sink.close()

    def _is_taken(self, number: int, body: bytes) -> bool:
        """Hands an event to the sink; False if it was refused for the last time, and is dropped."""
        picture = self._pictures.picture(number) if self._pictures is not None else None
        try:
            self._sink.put(replace(Event.from_line(body), photo=picture))
        except BusyError as error:
            self._not_before = time.monotonic() + min(error.seconds, MAX_PAUSE_S)
            raise
        except RefusedError as error:
            last, count = self._refused
            self._refused = (number, count + 1 if number == last else 1)
            if self._refused[1] < TRIES:
                raise
            self._count_dropped(str(error))
            return False
        return True

    def _count_dropped(self, reason: str) -> None:
        """Counts an event that was dropped; notes the first, and then each time their number has doubled."""
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:
            events = f"{self.dropped} events were" if self.dropped > 1 else "an event was"
            self._note(f"{self.name}: {events} refused {TRIES} times and dropped; {reason}")


class Delivered(Queued):
    """A sink behind a queue on disk, for a receiver that may refuse events; perhaps with the pictures of the events."""

    def __init__(
        self,
        sink: Sink,
        queue: EventQueue,
        note: Note,
        pictures: Pictures | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            sink: where the events go, one by one; see ``Delivery``.
            queue: the events on disk. It belongs to this sink alone from now on.
            note: called with a line when the sink is lost or back, an event is dropped, and at the end about the rest.
            pictures: where the pictures of these events wait; None if they are not wanted.
            backoff: the waits between tries; half a second to 30 seconds when None.
        """
        self._pictures = pictures
        super().__init__(Delivery(sink, pictures, note), queue, note, backoff)

    def put(self, event: Event) -> None:
        """Stores the event, has its picture made and stored, and wakes the thread; never blocks, never fails."""
        if self._pictures is not None:
            self._pictures.offer(event.seq, event.photo)
        super().put(event)

    def close(self) -> None:
        """Delivers what is left if that is quick; the rest stays on disk for the next run."""
        try:
            super().close()
        finally:
            if self._pictures is not None:
                self._pictures.close()


def deliver(sink: Sink, folder: Path, max_bytes: int, pictured: bool, note: Note) -> Delivered:
    """Opens the queue of a sink.

    Args:
        sink: where the events go.
        folder: of the queue; pictures are kept in ``pictures`` in it.
        max_bytes: the largest size of the queue. Of this, pictures may take three quarters.
        pictured: whether pictures are sent.
        note: called with a line for the user.

    Raises:
        GraftError: the folder cannot be used, or another run uses it.
    """
    room = round(max_bytes * _PICTURES_SHARE) if pictured else 0
    queue = EventQueue(folder, max_bytes - room, note)
    try:
        pictures = None
        if pictured:
            waiting = {number for number, _ in queue.waiting(0, _ALL)}
            pictures = Pictures(folder / "pictures", room, waiting, note)
        return Delivered(sink, queue, note, pictures)
    except BaseException:
        queue.close()
        raise
