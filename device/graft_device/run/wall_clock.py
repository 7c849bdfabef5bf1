"""Whether the clock that gives events their times is set, and when it jumps."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from graft_device.system.clock import is_set

JUMP_S = 2.0
"""Seconds by which the clock must differ from the monotonic one to have jumped: less is a correction in passing."""

_AGAIN_S = 5.0


class WallClock:
    """The clock of a run. It looks at the system only when the clock jumps, and now and then while it is not set."""

    def __init__(
        self,
        note: Callable[[str], None],
        probe: Callable[[], bool] = is_set,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Looks at the clock for the first time.

        Args:
            note: called with a line when the clock jumps.
            probe: finds out whether the clock is set.
            wall: seconds since 1970, by the clock that may jump.
            monotonic: seconds of a clock that never jumps.
        """
        self._note = note
        self._probe = probe
        self._wall, self._monotonic = wall, monotonic
        self._looked = monotonic()
        self._offset = wall() - self._looked
        self._set = probe()

    def is_set(self) -> bool:
        """Whether the clock is set now: ``clock_set`` of an event. Ask for each event; it costs two readings."""
        now = self._monotonic()
        offset = self._wall() - now
        jump, self._offset = offset - self._offset, offset
        jumped = abs(jump) > JUMP_S
        if jumped or not (self._set or now - self._looked < _AGAIN_S):
            self._looked, self._set = now, self._probe()
        if jumped:
            way = "forward" if jump > 0 else "back"
            self._note(f"the clock was set {way} by {timedelta(seconds=round(abs(jump)))}")
        return self._set
