"""Turns what a task reports into lines for the studio, with the rate and the time left, a few a second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from graft_host.studio.jobs.job import JobProgress
from graft_host.support.progress import Progress

_PAUSE_S = 0.3
"""Between two lines of one stage."""

_WINDOW_S = 20.0
"""The rate is that of the newest steps: what is in the cache is done quickly, and is no measure for the rest."""


class LineReporter:
    """A ``TaskReporter``; its methods may be called from several threads."""

    def __init__(self, send: Callable[[Mapping[str, Any]], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Creates a reporter.

        Args:
            send: called with each line.
            clock: gives seconds.
        """
        self._send = send
        self._clock = clock
        self._guard = threading.Lock()
        self._stage, self._unit = "", "photos"
        self._points: deque[tuple[float, int]] = deque()
        self._sent_at = 0.0

    def note(self, text: str) -> None:
        """Passes a line on."""
        self._send({"note": text})

    def event(self, name: str, values: Mapping[str, Any]) -> None:
        """Passes on what the task has found."""
        self._send({"event": name, "values": dict(values)})

    @contextlib.contextmanager
    def progress(self, stage: str, unit: str = "photos") -> Iterator[Progress]:
        """Starts a stage."""
        with self._guard:
            self._begin(stage, unit)
        yield lambda done, total: self.step(stage, done, total)

    def step(self, stage: str, done: int, total: int) -> None:
        """Passes on how far a stage is, unless that was done a moment ago."""
        with self._guard:
            if stage != self._stage:
                self._begin(stage, "photos")
            now = self._clock()
            self._points.append((now, done))
            while len(self._points) > 2 and now - self._points[0][0] > _WINDOW_S:  # noqa: PLR2004  a rate needs two
                self._points.popleft()
            if done >= total or now - self._sent_at >= _PAUSE_S:
                self._sent_at = now
                self._tell(done, total)

    def _begin(self, stage: str, unit: str) -> None:
        self._stage, self._unit = stage, unit
        self._points.clear()
        self._sent_at = self._clock()
        self._tell(0, 0)

    def _tell(self, done: int, total: int) -> None:
        rate = self._rate()
        left = (total - done) / rate if rate and total else None
        progress = JobProgress(stage=self._stage, done=done, total=total, unit=self._unit, rate=rate, seconds_left=left)
        self._send({"progress": asdict(progress)})

    def _rate(self) -> float | None:
        if len(self._points) < 2:  # noqa: PLR2004
            return None
        (first_at, first), (last_at, last) = self._points[0], self._points[-1]
        return (last - first) / (last_at - first_at) if last > first and last_at > first_at else None
