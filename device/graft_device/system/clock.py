"""Checks whether this machine's clock is set: many boards have none of their own, and start in the past."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

_EARLIEST = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
"""Before the first release: a clock that shows an earlier time is not set."""

TOLERANCE_S = 24 * 3600
"""How far two clocks that are set may be apart, in seconds."""


def current_time(witnesses: Iterable[Path] = ()) -> float | None:
    """The time, in seconds since 1970; None if the clock cannot be set, because it shows a time that has passed.

    A board without a clock of its own starts in 1970, at the date of its system, or at the time of its last shutdown.

    Args:
        witnesses: files and folders that were written on this machine at some time in the past.
    """
    now = time.time()
    latest = _EARLIEST
    for path in (Path(__file__), *witnesses):
        with contextlib.suppress(OSError):
            latest = max(latest, path.stat().st_mtime)
    return now if now > latest - TOLERANCE_S else None
