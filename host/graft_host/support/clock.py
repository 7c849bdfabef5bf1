"""Measures the seconds of each stage of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator


class Clock:
    """Measures stages; a stage that is repeated adds to its figure."""

    def __init__(self, began: Callable[[str], None] | None = None) -> None:
        """Starts the clock.

        Args:
            began: called with the name of each stage when it begins.
        """
        self._began = began
        self._start = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures a block; a block that fails is not counted."""
        if self._began is not None:
            self._began(name)
        start = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def finish(self) -> dict[str, float]:
        """The seconds of each stage, and in ``total`` the seconds since the clock was created."""
        return {**self._seconds, "total": time.perf_counter() - self._start}
