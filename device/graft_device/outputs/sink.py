"""The interface of everything that receives the events of ``graft-device run``.

A new sink needs a module with a subclass of ``Sink``; its settings in ``config/sinks.py``, with a line in ``SINKS``
of ``config/tables.py``; its opening in ``board/outlets.py``; an option in ``commands/run.py`` and ``board/options.py``;
and a test. What it reads, writes and talks to belongs in ``service/board_needs.py``, since a service is not allowed it
otherwise. Three rules:

- ``put`` must be quick: it runs in the loop, between two frames. A sink that talks to another machine blocks, so it is
  wrapped: ``Queued(Webhook(url), EventQueue(folder, max_bytes, note), note)``. Its ``put`` then runs in a separate
  thread, gets the events from disk in order, and is called again until it succeeds. Each queue needs its own folder:
  ``queue_folder`` names one.
- ``put`` raises an exception if the event was not delivered. It never swallows one: the caller notes the reason once,
  and serves the other sinks.
- The event has its number already. Every sink gets the same number for the same event.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.outputs.events import Event


class Sink(ABC):
    """Receives numbered events.

    Attributes:
        name: what notes call it, such as ``broker 192.168.1.2:1883``. Contains no password.
        durable: whether an event is on disk when ``put`` returns. Durable sinks are served first, so that an event
            is safe before anybody sees it.
        ends_run: whether an exception from ``put`` ends the run. The exceptions of other sinks are noted, and the run
            goes on.
    """

    name: str
    durable: bool = False
    ends_run: bool = False

    @property
    def last_number(self) -> int:
        """The highest number that this sink remembers from this run and earlier ones; 0 if it remembers none."""
        return 0

    @property
    def undelivered(self) -> int | None:
        """How many events wait in the sink's queue; None for a sink without one. Any thread may ask."""
        return None

    @abstractmethod
    def put(self, event: Event) -> None:
        """Takes one event.

        Args:
            event: the event with its number. ``photo`` is None if the event was read back from a queue.

        Raises:
            Exception: the event was not delivered. Any exception will do; its text is the reason.
        """

    def source_changed(self, present: bool, source: str | None = None) -> None:  # noqa: B027  most report nothing
        """Called when a source goes away, such as a camera that is unplugged, and when it is back.

        Args:
            present: whether the source gives frames.
            source: the source's name, as in the views; None for the only one.
        """

    @abstractmethod
    def close(self) -> None:
        """Writes or sends what is left within a few seconds, and releases everything. Called once."""
