"""Ending a run that would go on for ever: a flag that a signal sets, and waits that mind it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SLICE_S = 0.1
"""The longest sleep before the flag is looked at again."""

GRACE_S = 5.0
"""How long a turn of the loop may take to end after the first signal, before it is broken off."""


class Stop:
    """A flag that says: end soon.

    A plain attribute and short sleeps, no ``threading.Event``: a signal's handler runs in the middle of whatever the
    main thread does, where it might hold the very lock that ``Event.set`` waits for.
    """

    def __init__(self) -> None:
        self.wanted = False

    def wait(self, seconds: float) -> bool:
        """Sleeps, at the most until the flag is set; returns the flag."""
        until = time.monotonic() + seconds
        while not self.wanted:
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(left, SLICE_S))
        return self.wanted

    def ticks(self, seconds: float) -> Iterator[None]:
        """Waits like ``wait``, and gives None several times a second as a sign of life."""
        until = time.monotonic() + seconds
        while not self.wanted and time.monotonic() < until:
            self.wait(min(2 * SLICE_S, until - time.monotonic()))
            yield None


class Signals:
    """While it is entered, SIGTERM and Ctrl-C set ``stop`` instead of breaking into the work.

    A second signal, or ``GRACE_S`` without an end (say, in a write to a pipe that nobody reads), raises
    KeyboardInterrupt. ``received`` is the first signal's number, or None.
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
        """The loop has ended; what follows has limits of its own."""
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
