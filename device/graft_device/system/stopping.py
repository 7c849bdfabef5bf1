"""Stops an endless run: signals set a flag, and waits end when the flag is set."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SLICE_S = 0.1
"""The longest sleep between two checks of the flag, in seconds."""

GRACE_S = 5.0
"""How long the loop may take to end after the first signal before it is interrupted, in seconds."""


class Stop:
    """A flag that asks the loop to end.

    It is a plain attribute with short sleeps instead of a ``threading.Event``: a signal handler runs in the main
    thread, which may hold the lock that ``Event.set`` needs.

    Attributes:
        wanted: whether the loop should end.
    """

    def __init__(self) -> None:
        self.wanted = False

    def wait(self, seconds: float) -> bool:
        """Sleeps until the time is over or the flag is set; returns the flag."""
        until = time.monotonic() + seconds
        while not self.wanted:
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, SLICE_S))
        return self.wanted

    def ticks(self, seconds: float) -> Iterator[None]:
        """Waits like ``wait``, and yields several times a second so that the caller can call the watchdog."""
        until = time.monotonic() + seconds
        while not self.wanted and time.monotonic() < until:
            self.wait(min(2 * SLICE_S, until - time.monotonic()))
            yield None


class Signals:
    """A context manager in which SIGTERM and Ctrl-C set ``stop`` instead of interrupting the work.

    A second signal raises KeyboardInterrupt. So does a loop that has not ended within ``GRACE_S`` seconds, for
    example because it writes to a pipe that nobody reads.

    Attributes:
        received: the number of the first signal; None before it.
    """

    def __init__(self, stop: Stop) -> None:
        self.received: int | None = None
        self._stop = stop
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def calm(self) -> None:
        """Cancels the timer of ``GRACE_S``: the loop has ended, and the steps after it have their own time limits."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        self._stop.wanted = True
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)
