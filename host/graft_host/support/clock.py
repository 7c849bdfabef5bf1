"""Seconds by stage of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Takes the time of stages; a stage that comes again adds to its figure."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a block; one that fails leaves no figure."""
        start = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def finish(self) -> dict[str, float]:
        """Seconds of each stage, and in ``total`` those since the clock was made."""
        return {**self._seconds, "total": time.perf_counter() - self._start}
