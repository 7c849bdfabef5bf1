"""What is asked of the history, and its answer."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError

if TYPE_CHECKING:
    from graft_device.outputs.events import Event

MOST_EVENTS = 200
"""The largest number of events of one answer."""

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class HistoryError(GraftError):
    """The history cannot be opened, read or asked."""


@dataclass(frozen=True)
class EventQuery:
    """Which events are wanted; None for any.

    Attributes:
        limit: how many, 1 to ``MOST_EVENTS``.
        before: only those with smaller numbers, which ``EventPage.next`` gives.
        label: the label that a person gave; where none did, that of the model, or ``unknown``.
        source: the name of the source.
        region: the name of the region.
        kind: ``answer``, ``change``, ``enter`` or ``leave``.
        min_score: the smallest best score, 0 to 1.
        since: the earliest time, in seconds since 1970.
        until: the latest time, in seconds since 1970.
    """

    limit: int = 50
    before: int | None = None
    label: str | None = None
    source: str | None = None
    region: str | None = None
    kind: str | None = None
    min_score: float | None = None
    since: float | None = None
    until: float | None = None

    def matches(self, number: int, event: Event, corrected: str | None = None) -> bool:
        """Whether an event is wanted.

        Args:
            number: its number in the history.
            event: the event.
            corrected: the label that a person gave; None for none.
        """
        taken = milliseconds(event.time)
        return (
            (self.before is None or number < self.before)
            and self.label in (None, event.label if corrected is None else corrected)
            and self.source in (None, event.source)
            and self.region in (None, event.region)
            and self.kind in (None, event.kind)
            and (self.min_score is None or event.score >= self.min_score)
            and (self.since is None or taken >= self.since * 1000)
            and (self.until is None or taken <= self.until * 1000)
        )


@dataclass(frozen=True)
class EventPage:
    """Events, the newest first.

    Attributes:
        events: each as ``Event.to_json`` gives it, with ``picture`` (whether one is kept) and, where a person said what
            it was, ``corrected``: that label.
        next: ``EventQuery.before`` for the events that follow; None at the end.
    """

    events: tuple[Mapping[str, Any], ...]
    next: int | None


def milliseconds(text: str) -> int:
    """A time of an event, ISO 8601, in milliseconds since 1970; 0 for a text that is none."""
    try:
        return round(_seconds(text) * 1000)
    except (ValueError, OverflowError):
        return 0


def moment(text: str) -> float:
    """Reads a time for ``since`` and ``until``: ISO 8601, or how long ago, such as ``90m``, ``12h`` or ``7d``.

    Returns:
        Seconds since 1970. A time without a zone is of this machine's zone.

    Raises:
        HistoryError: the text is something else.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return time.time() - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return _seconds(text.strip())
    except (ValueError, OverflowError) as error:
        raise HistoryError(
            f"{text!r} is no time", "give 2026-01-31T12:00, or how long ago, such as 12h or 7d"
        ) from error


def _seconds(text: str) -> float:
    """Seconds since 1970; raises ValueError or OverflowError."""
    zulu = f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text  # Python 3.9 and 3.10 do not read the Z
    seconds = datetime.fromisoformat(zulu).timestamp()
    if not math.isfinite(seconds):
        raise ValueError(text)
    return seconds


def written(seconds: float) -> str:
    """A time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
