"""How old events are, counted so that a clock that jumps makes none of them old."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_JUMP_S = 60.0
"""A clock that is ahead by less was only corrected a little."""

REFILL = 3.0
"""For each second that a run lasts, so many seconds without a run are believed."""


@dataclass(frozen=True)
class Count:
    """What is stored of a calendar between two runs.

    Attributes:
        age: the age of the history, in seconds.
        clock: the time of the day that belongs to it, in seconds since 1970; 0 for a new history.
        credit: how many seconds without a run would be believed.
    """

    age: float = 0.0
    clock: float = 0.0
    credit: float = 0.0


class Calendar:
    """The age of a history in seconds: how long its runs lasted, and the time between them as far as it is believed.

    The clock of a board may show 1970 or 2040 until the network has set it. So the age grows with the monotonic clock,
    which does not jump. How long no run counted is known from the clock of the day alone: that clock may be ahead since
    the board was off, or since it is wrong. So no more is believed than a credit, which the runs earn. A clock that is
    behind counts nothing.
    """

    def __init__(self, stored: Count, most_credit_s: float) -> None:
        """Continues a count.

        Args:
            stored: the count at the end of the last run.
            most_credit_s: the largest credit in seconds, which is that of a new history.
        """
        self._most = most_credit_s
        self._age, self._clock = stored.age, stored.clock
        self._credit = min(stored.credit, most_credit_s) if stored.clock else most_credit_s
        self._monotonic: float | None = None

    @property
    def count(self) -> Count:
        """What to store."""
        return Count(self._age, self._clock, self._credit)

    def at(self, monotonic: float, clock: float) -> int:
        """The age now, in whole seconds.

        Args:
            monotonic: the monotonic clock, in seconds.
            clock: the clock of the day, in seconds since 1970.
        """
        passed = 0.0 if self._monotonic is None else max(0.0, monotonic - self._monotonic)
        self._monotonic = monotonic
        self._credit = min(self._most, self._credit + passed * REFILL)
        self._clock = self._clock + passed if self._clock else clock
        ahead = clock - self._clock
        believed = min(ahead, self._credit) if ahead >= LEAST_JUMP_S else 0.0
        self._credit -= believed
        self._clock += believed
        self._age += passed + believed
        return int(self._age)
