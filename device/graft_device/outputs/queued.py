"""Wraps a sink in a queue on disk: events are delivered at least once, in order, through crashes of either side."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from graft_device.errors import why
from graft_device.outputs.backlog import Backlog
from graft_device.outputs.events import Event
from graft_device.outputs.sink import Sink
from graft_device.system.backoff import Backoff

if TYPE_CHECKING:
    from graft_device.outputs.event_queue import EventQueue
    from graft_device.sources.base import Note

FLUSH_S = 5.0
"""How many seconds the end of a run waits for the receiver to take what is left."""

_GRACE_S = 2.0
_IDLE_S = 1.0


class Receiver(ABC):
    """Delivers the events of a queue in its own way, as over a connection that stays open. See ``OneByOne``.

    Attributes:
        name: what notes call it, without a password.
    """

    name: str

    @abstractmethod
    def serve(self, backlog: Backlog) -> None:
        """Delivers events until ``backlog.finished``, from ``backlog.waiting`` to ``backlog.done``.

        Calls ``backlog.works`` as soon as it can deliver. It is called again, after a wait, when it has failed.

        Raises:
            Exception: nothing can be delivered now. Any exception will do; its text is the reason.
        """

    def close(self) -> None:  # noqa: B027  most have nothing to release
        """Releases everything; called once, after ``serve`` has ended."""


class OneByOne(Receiver):
    """Delivers events by the ``put`` of any sink: the oldest first, the next one when it has returned."""

    def __init__(self, sink: Sink) -> None:
        self.name = sink.name
        self._sink = sink

    def serve(self, backlog: Backlog) -> None:
        """Delivers events until ``backlog.finished``; raises what the sink raises."""
        while not backlog.finished:
            oldest = backlog.waiting(0, 1)
            if not oldest:
                backlog.wait(_IDLE_S)
                continue
            number, body = oldest[0]
            self._sink.put(Event.from_line(body))
            backlog.works()
            backlog.done(number)

    def close(self) -> None:
        """Closes the sink."""
        self._sink.close()


class Queued(Sink):
    """A sink behind a queue on disk, and a thread that delivers.

    ``put`` stores the event and returns. An event leaves the queue when the sink has taken it, so it may be delivered
    twice, but never lost. A sink that fails is tried again, with growing waits, for as long as the run lasts.
    """

    durable = True

    def __init__(self, sink: Sink | Receiver, queue: EventQueue, note: Note, backoff: Backoff | None = None) -> None:
        """Starts the thread.

        Args:
            sink: where the events go. A plain sink gets them one by one; its ``put`` may block.
            queue: the events on disk. It belongs to this sink alone from now on.
            note: called with a line when the sink is lost, when it is back, and at the end about events that are left.
            backoff: the waits between tries; half a second to 30 seconds when None.
        """
        self._receiver = sink if isinstance(sink, Receiver) else OneByOne(sink)
        self.name = self._receiver.name
        self._queue = queue
        self._note = note
        self._backoff = backoff or Backoff()
        self._backlog = Backlog(queue, self.name, note)
        self._thread = threading.Thread(target=self._run, name=f"to {self.name}", daemon=True)
        self._thread.start()

    @property
    def last_number(self) -> int:
        """The highest number that the queue remembers, from this run and earlier ones; 0 for none."""
        return self._queue.last_number

    @property
    def undelivered(self) -> int:
        """How many events the receiver does not have yet."""
        return len(self._queue)

    def put(self, event: Event) -> None:
        """Stores the event and wakes the thread; never blocks on the receiver, never fails."""
        self._queue.put(event)
        self._backlog.announce(event.to_line().encode(), event.view)

    def source_changed(self, present: bool, source: str | None = None) -> None:
        """Passes the change on to the receiver, if it reports such changes."""
        self._backlog.source_changed(present, source)

    def close(self) -> None:
        """Delivers what is left if that takes at most ``FLUSH_S``; the rest stays on disk for the next run."""
        try:
            self._backlog.close_within(FLUSH_S)
            self._thread.join(FLUSH_S + _GRACE_S)
            if not self._thread.is_alive():  # a thread that hangs still uses both
                self._receiver.close()
                self._backlog.release()
            self._note_left()
        finally:
            self._queue.close()

    def _run(self) -> None:
        while not self._backlog.given_up:
            try:
                self._receiver.serve(self._backlog)
            except Exception as error:  # noqa: BLE001  whatever the other side does, the events stay queued
                self._backlog.troubled(why(error))
            if self._backlog.session_ended():
                self._backoff.reset()
            self._sleep(self._backoff.next())

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._backlog.closing and (left := until - time.monotonic()) > 0:
            self._backlog.wait(left)

    def _note_left(self) -> None:
        stored = self._queue.settle()
        lost = len(self._queue) - stored
        if stored:
            self._note(f"{stored} event{'s wait' if stored > 1 else ' waits'} in {self._queue.folder} for {self.name}")
        if lost:
            self._note(f"{lost} event{'s' * (lost > 1)} could neither be sent nor stored in {self._queue.folder}")
