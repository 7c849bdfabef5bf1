"""When the next frame is due."""

from __future__ import annotations

_TOLERANCE_S = 1e-6


class Pace:
    """At most one frame every ``interval`` seconds.

    Due times lie on a grid, so that a camera of 30 frames a second gives 20 for an interval of 0.05 s, not 15; after a
    pause the grid starts anew.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._due = float("-inf")

    def wait_s(self, now: float) -> float:
        """How many seconds from ``now`` the next frame is due; 0 where it is."""
        left = self._due - now
        return left if left > _TOLERANCE_S else 0.0

    def took(self, now: float) -> None:
        """A frame was taken at ``now``."""
        following = self._due + self._interval
        self._due = following if following > now else now + self._interval
