"""Measures the seconds of each stage of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Measures stages; a stage that is repeated adds to its figure."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures a block; a block that fails is not counted."""
        start = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def finish(self) -> dict[str, float]:
        """The seconds of each stage, and in ``total`` the seconds since the clock was created."""
        return {**self._seconds, "total": time.perf_counter() - self._start}
