"""Decides when the next frame is due."""

from __future__ import annotations

_TOLERANCE_S = 1e-6


class Pace:
    """Limits a source to one frame every ``interval`` seconds.

    Due times are on a fixed grid. With an interval of 0.05 s, a camera with 30 frames per second therefore gives 20
    frames per second, not 15. After a pause, the grid starts again.
    """

    def __init__(self, interval: float) -> None:
        """Creates a pace whose first frame is due at once; ``interval`` is in seconds."""
        self._interval = interval
        self._due = float("-inf")

    def wait_s(self, now: float) -> float:
        """How many seconds after ``now`` the next frame is due; 0 if it is due already."""
        left = self._due - now
        return left if left > _TOLERANCE_S else 0.0

    def record(self, now: float) -> None:
        """Records that a frame was taken at ``now``."""
        following = self._due + self._interval
        self._due = following if following > now else now + self._interval
