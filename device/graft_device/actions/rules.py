"""Chooses events for sinks: by what was seen, by the time of day, and at most once in some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from graft_device.actions.day_times import DayTimes, time_of_day
from graft_device.outputs.events import ENTER, LEAVE
from graft_device.outputs.sink import Sink

if TYPE_CHECKING:
    from graft_device.config.sinks import RuleSettings
    from graft_device.outputs.events import Event
    from graft_device.sources.base import Note


class Rule:
    """One rule. Sinks share it: it decides once for each event.

    The seconds of ``at_most_every`` are those of the monotonic clock, so that a clock that is set to another time
    neither blocks the rule nor lets everything through. They start over with each run.
    """

    def __init__(self, settings: RuleSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the times of day.

        Args:
            settings: the rule.
            clock: returns seconds that only ever grow.

        Raises:
            ActionError: a time of day cannot be read.
        """
        self._settings = settings
        self._clock = clock
        self._times = DayTimes(
            None if settings.after is None else time_of_day(settings.after),
            None if settings.until is None else time_of_day(settings.until),
            frozenset(settings.weekdays),
        )
        self._passed: float | None = None
        self._decided = ""
        self._decision = False

    def names(self, sink: str) -> bool:
        """Whether the rule is for the sink with this name."""
        return sink in self._settings.sinks

    def needs_clock(self, event: Event) -> bool:
        """Whether the rule turns an event down only because the clock was not set: it could be any time of day."""
        return self._matches(event) and not event.clock_set and not self._times.always

    def allows(self, event: Event) -> bool:
        """Whether the rule lets an event pass. The answer is the same when another sink asks about the same event."""
        if event.id != self._decided:
            self._decided, self._decision = event.id, self._decide(event)
        return self._decision

    def _decide(self, event: Event) -> bool:
        if not (self._matches(event) and self._is_time(event)):
            return False
        now, pause = self._clock(), self._settings.at_most_every
        if pause and self._passed is not None and now - self._passed < pause:
            return False
        self._passed = now
        return True

    def _matches(self, event: Event) -> bool:
        wanted = self._settings
        return (
            _among(event.label, wanted.labels)
            and _among(event.source, wanted.sources)
            and _among(event.region, wanted.regions)
            and _among(event.model, wanted.models)
            and _among(event.kind, wanted.kinds)
            and event.score >= wanted.min_score
        )

    def _is_time(self, event: Event) -> bool:
        if self._times.always:
            return True
        return event.clock_set and self._times.contains(local_time(event.time))


class Ruled(Sink):
    """A sink that gets the events that at least one of its rules lets pass."""

    def __init__(self, sink: Sink, rules: Sequence[Rule], note: Note) -> None:
        """Wraps a sink.

        Args:
            sink: gets the events that pass.
            rules: at least one.
            note: called with a line when a rule has to wait for the clock, once.
        """
        self.name = sink.name
        self.durable = sink.durable
        self.ends_run = sink.ends_run
        self._sink = sink
        self._rules = tuple(rules)
        self._note = note
        self._noted = False

    @property
    def last_number(self) -> int:
        """The highest number that the sink remembers."""
        return self._sink.last_number

    @property
    def undelivered(self) -> int | None:
        """How many events wait in the queue of the sink behind the rules; None for none."""
        return self._sink.undelivered

    def put(self, event: Event) -> None:
        """Passes an event on if a rule allows it; raises what the sink raises."""
        if self._wanted(event):
            self._sink.put(event)

    def source_changed(self, present: bool, source: str | None = None) -> None:
        """Passes the change on."""
        self._sink.source_changed(present, source)

    def close(self) -> None:
        """Closes the sink."""
        self._sink.close()

    def _wanted(self, event: Event) -> bool:
        if not self._noted and any(rule.needs_clock(event) for rule in self._rules):
            self._noted = True
            self._note(f"{self.name}: the clock is not set, so rules with a time of day or weekdays wait for it")
        passed = [rule.allows(event) for rule in self._rules]  # all of them, since each counts its own pause
        return any(passed)


class RuledStates(Ruled):
    """As ``Ruled``, for a sink that follows states: it gets the ``leave`` of each ``enter`` that it got, and no other.

    Otherwise a rule that ends at six, or that wants ``enter`` alone, would leave a lamp on.
    """

    def __init__(self, sink: Sink, rules: Sequence[Rule], note: Note) -> None:
        """Wraps a sink; see ``Ruled``."""
        super().__init__(sink, rules, note)
        self._entered: set[tuple[str, str]] = set()

    def _wanted(self, event: Event) -> bool:
        view = (event.source, event.view)
        if event.kind == LEAVE:
            entered = view in self._entered
            self._entered.discard(view)
            return entered
        wanted = super()._wanted(event)
        if event.kind == ENTER and wanted:
            self._entered.add(view)
        return wanted


def local_time(text: str) -> datetime:
    """The local time of an event's time, which is ISO 8601 in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()


def _among(value: str | None, wanted: Sequence[str]) -> bool:
    return not wanted or value in wanted
