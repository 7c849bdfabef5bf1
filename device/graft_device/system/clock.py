"""Checks whether this machine's clock is set: many boards have none of their own, and start in the past."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

_EARLIEST = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
"""Before the first release: a clock that shows an earlier time is not set."""

_TIME_ERROR = 5  # timex.h: no program has set the clock from another since the start
_TIMEX_BYTES = 512  # struct timex has 208, with room for more fields

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


def is_set(system: Path = Path("/")) -> bool:
    """Whether the clock shows the time, as far as a program can find out.

    It is not set if it shows a time that has passed. Nor is it on a machine without a clock that runs while the machine
    is off, until a program has set it from the network: such a board starts with the time of its last shutdown.

    Args:
        system: where the files of the system are.
    """
    if current_time() is None:
        return False
    return _keeps_time(system / "sys/class/rtc") or _is_synchronized(system / "run/systemd/timesync")


def _keeps_time(clocks: Path) -> bool:
    """Whether a clock runs while the machine is off; True where the kernel does not show them, as in a container."""
    try:
        return any(clocks.iterdir())
    except OSError:
        return True


def _is_synchronized(service: Path) -> bool:
    """Whether the clock has been set from the network; True where nothing is known of it.

    The sandbox of a service forbids the call; there, the files of systemd-timesyncd answer.
    """
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))  # zeros: change nothing
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return not service.is_dir() or (service / "synchronized").exists()
    return bool(state != _TIME_ERROR)
