"""An event in plain words, for people: a title and a sentence or two."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from graft_device.outputs.events import ENTER, LEAVE
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.outputs.events import Event

_MINUTE, _HOUR = 60, 3600


def title(event: Event) -> str:
    """The title: where, and what, such as ``door: cat has left``."""
    what = printable(event.label)
    ending = {ENTER: " is here", LEAVE: " has left"}.get(event.kind, "")
    return f"{_place(event)}: {what}{ending}"


def body(event: Event) -> str:
    """What else there is to say: how long, how certain, and when, on the local clock."""
    facts = []
    if event.duration is not None:
        facts.append(f"It was there for {_spoken(event.duration)}.")
    elif event.unknown:
        facts.append(f"The model does not know it; the nearest is {printable(event.predictions[0].label)}.")
    else:
        facts.append(f"The model is {event.score:.0%} certain.")
    facts.append(f"Seen at {_clock(event)}." if event.clock_set else "The board's clock is not set.")
    return " ".join(facts)


def _place(event: Event) -> str:
    return printable(event.source if event.region is None else f"{event.source}, {event.region}")


def _spoken(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def _clock(event: Event) -> str:
    return datetime.fromisoformat(event.time.replace("Z", "+00:00")).astimezone().strftime("%H:%M:%S on %d %B")
