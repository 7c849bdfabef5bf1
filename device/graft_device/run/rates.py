"""Counts what a run does, for the diagnostic sensors of a broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from graft_device.mqtt.figures import Figures
from graft_device.run.observers import Observer

if TYPE_CHECKING:
    from graft_device.outputs.views import View
    from graft_device.run.observers import SeenFrame


class Rates(Observer):
    """The figures since the last time that somebody asked. Any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Counts from now on.

        Args:
            clock: returns seconds, and never goes back.
        """
        self._clock = clock
        self._guard = threading.Lock()
        self._since = clock()
        self._frames = self._unknown = 0
        self._age_ms = 0.0

    def seen(self, view: View, seen: SeenFrame) -> None:
        """Counts a frame."""
        del view
        with self._guard:
            self._frames += 1
            self._unknown += seen.answer.unknown
            self._age_ms += seen.ms["age"]

    def __call__(self) -> Figures:
        """Returns the figures, and starts over."""
        with self._guard:
            now = self._clock()
            seconds, self._since = now - self._since, now
            frames, self._frames = self._frames, 0
            unknown, self._unknown = self._unknown, 0
            age_ms, self._age_ms = self._age_ms, 0.0
        fps = frames / seconds if seconds > 0 else 0.0
        return Figures(fps, age_ms / frames, unknown / frames) if frames else Figures(fps)
