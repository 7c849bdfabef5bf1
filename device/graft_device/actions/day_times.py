"""Times of day and weekdays of a rule, on the local clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from graft_device.actions.action_error import ActionError
from graft_device.config.sinks import WEEKDAYS

_FORM = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def time_of_day(text: str) -> time:
    """Reads ``HH:MM``.

    Raises:
        ActionError: the text is something else.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ActionError(f"{text!r} is not a time of day", "write it as HH:MM, such as 22:00")
    return time(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class DayTimes:
    """A part of each day, perhaps on some weekdays only.

    Comparing times on the wall clock is right on the days on which it is set forward or back, too: an hour that is
    left out is in no part, and one that comes twice is twice in the same.

    Attributes:
        after: the first moment; None for midnight.
        until: the first moment that is no part; None for the next midnight. Up to ``after``, it is on the next day.
        weekdays: of ``WEEKDAYS``, the days on which the part begins; empty for all.
    """

    after: time | None = None
    until: time | None = None
    weekdays: frozenset[str] = frozenset()

    @property
    def always(self) -> bool:
        """Whether every moment of every day is part."""
        return self.after is None and self.until is None and not self.weekdays

    def contains(self, moment: datetime) -> bool:
        """Whether a moment is in the part.

        Args:
            moment: in local time.
        """
        begun = self._begun(moment)
        return begun is not None and (not self.weekdays or WEEKDAYS[begun.weekday()] in self.weekdays)

    def _begun(self, moment: datetime) -> date | None:
        """The day on which the part that contains a moment began; None if none contains it."""
        now, today = moment.time(), moment.date()
        after = self.after or time.min
        if self.until is None:
            return today if now >= after else None
        if after < self.until:
            return today if after <= now < self.until else None
        if now >= after:
            return today
        return today - timedelta(days=1) if now < self.until else None
