"""Passes each event to every sink; a sink that fails stops neither the others nor the loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from graft_device.errors import why

if TYPE_CHECKING:
    from graft_device.outputs.events import Event
    from graft_device.outputs.sink import Sink
    from graft_device.sources.base import Note


class FanOut:
    """The sinks of a run.

    Examples:
        >>> with contextlib.closing(FanOut(note)) as sinks:  # doctest: +SKIP
        ...     sinks.add(Printed(print, json_line, note))
        ...     sinks.put(event)
    """

    def __init__(self, note: Note) -> None:
        """Creates a fan-out without sinks.

        Args:
            note: called with a line when a sink fails, once per outage.
        """
        self._note = note
        self._sinks: list[Sink] = []
        self._failing: set[Sink] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sinks, in the order in which they are served."""
        return tuple(sink.name for sink in self._sinks)

    @property
    def last_number(self) -> int:
        """The highest number that any sink remembers, from this run and earlier ones; 0 for none."""
        return max((sink.last_number for sink in self._sinks), default=0)

    @property
    def undelivered(self) -> dict[str, int]:
        """How many events wait in the queue of each sink that has one, by its name. Any thread may ask."""
        waiting = [(sink.name, sink.undelivered) for sink in self._sinks]
        return {name: count for name, count in waiting if count is not None}

    def add(self, sink: Sink) -> None:
        """Adds a sink; from now on it gets every event, and ``close`` closes it."""
        self._sinks.append(sink)
        self._sinks.sort(key=lambda sink: (sink.ends_run, not sink.durable))

    def put(self, event: Event) -> None:
        """Passes an event to every sink: durable ones first, those that may end the run last.

        Args:
            event: the event with its number.

        Raises:
            Exception: what a sink with ``ends_run`` raised.
        """
        for sink in self._sinks:
            if sink.ends_run:
                sink.put(event)
            elif self._succeeds(sink, partial(sink.put, event), "the other outputs go on"):
                self._failing.discard(sink)

    def source_changed(self, present: bool, source: str | None = None) -> None:
        """Tells every sink that a source has gone away, or is back.

        Args:
            present: whether the source gives frames.
            source: the source's name, as in the views; None for the only one.
        """
        for sink in self._sinks:
            self._succeeds(sink, partial(sink.source_changed, present, source), "the other outputs go on")

    def close(self) -> None:
        """Closes every sink once, also where another one fails to close."""
        with ExitStack() as stack:
            while self._sinks:
                sink = self._sinks.pop(0)
                stack.callback(self._succeeds, sink, sink.close, "not everything was written")

    def _succeeds(self, sink: Sink, action: Callable[[], None], consequence: str) -> bool:
        """Whether an action of a sink succeeds; if not, notes why, once per outage."""
        try:
            action()
        except Exception as error:  # noqa: BLE001  a sink may fail in any way
            if sink not in self._failing:
                self._note(f"{sink.name}: {why(error)}; {consequence}")
            self._failing.add(sink)
            return False
        return True
