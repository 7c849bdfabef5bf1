"""Reports when a source stops giving frames, and when it gives them again."""

from __future__ import annotations

from collections.abc import Callable

from graft_device.sources.base import Losable, Source

AWAY_S = 10.0
"""Seconds after which a lost or silent source counts as away. A camera that is opened again sooner is not reported."""


class Presence:
    """Watches over a source while its frames are taken.

    A camera is away when it is lost, or hangs, for longer than ``AWAY_S``; a folder when it cannot be read for so long.
    A folder in which no photo arrives is not away.
    """

    def __init__(self, source: Source, report: Callable[[bool], None]) -> None:
        """Takes the source for present, since it has just been opened.

        Args:
            source: the source.
            report: called with False when the source goes away, and with True when it is back.
        """
        self._source = source
        self._report = report
        self._present = True

    def update(self, silent_s: float = 0.0) -> None:
        """Reports a change, if there is one.

        Args:
            silent_s: seconds since a camera last gave a frame or a sign of life.
        """
        lost_s = self._source.lost_s if isinstance(self._source, Losable) else 0.0
        present = max(lost_s, silent_s) <= AWAY_S
        if present != self._present:
            self._present = present
            self._report(present)
