"""Shows how many photos a run has read, where a person would see nothing otherwise."""

import sys
import time

_SECONDS = 0.5


class Counting:
    """A line on standard error that counts photos.

    It appears only if standard error is a terminal and the results go elsewhere: to a file, to another program, or to
    a broker with few changes.
    """

    def __init__(self, live: bool) -> None:
        """Shows nothing yet.

        Args:
            live: whether the source is a camera, which has no end to wait for.
        """
        self._wanted = sys.stderr.isatty() and not sys.stdout.isatty() and not live
        self._photos = 0
        self._start = time.monotonic()
        self._last = self._start

    def one(self) -> None:
        """Counts a photo, and shows the count twice a second."""
        self._photos += 1
        now = time.monotonic()
        if self._wanted and now - self._last >= _SECONDS:
            self._last = now
            self._show(now, "")

    def end(self) -> None:
        """Shows the last count on a line that stays."""
        if self._wanted and self._photos:
            self._show(time.monotonic(), "\n")

    def _show(self, now: float, end: str) -> None:
        rate = self._photos / max(now - self._start, 1e-3)
        sys.stderr.write(f"\r\x1b[K{self._photos} photos, {rate:.1f} a second{end}")
        sys.stderr.flush()
