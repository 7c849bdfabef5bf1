"""Prints events as lines of text or of JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from graft_device.errors import os_reason
from graft_device.outputs.events import ENTER, LEAVE
from graft_device.outputs.sink import Sink
from graft_device.ranking import unknown_text
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.outputs.events import Event
    from graft_device.sources.base import Note

Layout = Callable[["Event"], str]
"""Turns an event into one line without its end."""

_MINUTE_S = 60


class Printed(Sink):
    """Standard output.

    If nobody reads it any more, the run ends. A full disk ends the run only if there is no other sink.
    """

    name = "standard output"
    ends_run = True

    def __init__(self, write: Callable[[str], None], layout: Layout, note: Note, elsewhere: str = "") -> None:
        """Prints nothing until the first event.

        Args:
            write: prints a line, given without its end.
            layout: ``json_line``, ``live_line`` or ``named_line``.
            note: called with a line when events cannot be printed, once per outage.
            elsewhere: where the events go besides, such as ``broker 192.168.1.2:1883``; empty for nowhere.
        """
        self._write = write
        self._layout = layout
        self._note = note
        self._elsewhere = elsewhere
        self._failing = False

    def put(self, event: Event) -> None:
        """Prints an event.

        Raises:
            BrokenPipeError: nobody reads the output any more.
            OSError: it cannot be written, and the events go nowhere else.
        """
        try:
            self._write(self._layout(event))
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._elsewhere:
                raise
            if not self._failing:
                self._note(f"cannot print events: {os_reason(error)}; they still go to {self._elsewhere}")
            self._failing = True
            return
        self._failing = False

    def close(self) -> None:
        """Does nothing: standard output belongs to the process."""


def json_line(event: Event) -> str:
    """The event as JSON."""
    return event.to_line()


def live_line(event: Event) -> str:
    """Time, label and score, for one camera: ``12:00:00 cats 91%``."""
    return f"{_clock(event)} {_answer(event)}"


def named_line(event: Event) -> str:
    """Time, source, label and score, for files: ``12:00:00 clip.mp4 at 1.5 s: cats 91%``."""
    place = event.source if event.position is None else f"{event.source} at {event.position:.1f} s"
    parts = (place, event.region, event.model, event.file and PurePath(event.file).name)
    return f"{_clock(event)} {', '.join(printable(part) for part in parts if part)}: {_answer(event)}"


def _answer(event: Event) -> str:
    if event.kind == ENTER:
        return f"{printable(event.label)} {event.score:.0%} entered"
    if event.kind == LEAVE:
        return f"{printable(event.label)} left after {_span(event.duration or 0.0)}"
    if event.unknown:
        return unknown_text(event.predictions[0])
    return f"{printable(event.label)} {event.score:.0%}"


def _span(seconds: float) -> str:
    """A length of time for people: ``4.2 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest} s" if minutes < _MINUTE_S else f"{minutes // _MINUTE_S} h {minutes % _MINUTE_S} min"


def _clock(event: Event) -> str:
    return datetime.fromisoformat(event.time.replace("Z", "+00:00")).astimezone().strftime("%H:%M:%S")
