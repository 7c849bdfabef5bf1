"""The figures of a run that a broker gets: frames per second, latency, unknown frames, temperature."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

LOOK_S = 30.0
"""Seconds between two looks at the figures; they are published if one has changed."""

FIRST_S = 10.0
"""Seconds from the first connection to the first look: a run that has just begun has no figures."""

AGAIN_S = 120.0
"""Seconds after which figures that have not changed are published again, so that they do not expire."""

EXPIRE_S = 300
"""Seconds after which a receiver takes figures for too old."""


@dataclass(frozen=True)
class Figures:
    """How a run does, since the last time that somebody asked.

    Attributes:
        fps: classified frames per second, of all views.
        latency_ms: the mean time from a frame to its answer, in milliseconds; None if there was no frame.
        unknown: the share of unknown frames, 0 to 1; None if there was no frame.
    """

    fps: float
    latency_ms: float | None = None
    unknown: float | None = None


class Diagnostics:
    """Decides when the figures are published. It has no clock: ``due`` takes the time."""

    def __init__(self, figures: Callable[[], Figures] | None, celsius: Callable[[], float | None]) -> None:
        """Asks for the temperature once, to know whether this machine has a sensor.

        Args:
            figures: returns the run's figures; None if there are none.
            celsius: returns the processor's temperature in degrees; None without a sensor.
        """
        self._figures = figures
        self._celsius = celsius
        self.names: tuple[str, ...] = (
            *(("fps", "latency", "unknown") if figures is not None else ()),
            *(("temperature",) if celsius() is not None else ()),
        )
        self._last: bytes | None = None
        self._looked: float | None = None
        self._published = float("-inf")
        self._again = False

    def again(self) -> None:
        """Makes the last figures due at once, if there are some, as after a new connection."""
        self._again = self._last is not None

    def due(self, now: float) -> bytes | None:
        """The figures as JSON if they are to be published; None if not.

        Args:
            now: seconds of a clock that never goes back.
        """
        if self._looked is None:
            self._looked = now - LOOK_S + FIRST_S
        if self._again:
            self._again = False
            return self._last
        if not self.names or now - self._looked < LOOK_S:
            return None
        self._looked = now
        body = json.dumps(self._values()).encode()
        if body == self._last and now - self._published < AGAIN_S:
            return None
        self._last, self._published = body, now
        return body

    def _values(self) -> dict[str, float | None]:
        values: dict[str, float | None] = {}
        if self._figures is not None:
            figures = self._figures()
            values["fps"] = round(figures.fps, 1)
            values["latency"] = None if figures.latency_ms is None else round(figures.latency_ms)
            values["unknown"] = None if figures.unknown is None else round(100 * figures.unknown, 1)
        if "temperature" in self.names:
            celsius = self._celsius()
            values["temperature"] = None if celsius is None else round(celsius)
        return values
