"""Computes the position of each frame in a video, even if its timestamps are missing or jump."""

from __future__ import annotations

_UNORDERED = 4
"""The number of frames that a timestamp may be behind the last one in a badly written file. More means joined files."""


class Timeline:
    """Seconds from the start of a video, never going back.

    If timestamps jump back, two recordings were joined, and the second is placed after the first. A frame without a
    timestamp (raw H.264 has none) is placed one frame after the last.
    """

    def __init__(self, start_s: float, step_s: float) -> None:
        """Creates a timeline without frames.

        Args:
            start_s: the timestamp of the video's start, in seconds.
            step_s: seconds from one frame to the next, as far as known.
        """
        self._offset = -start_s
        self._step = step_s
        self._last: float | None = None

    @property
    def end_s(self) -> float:
        """The end of the last frame, in seconds."""
        return 0.0 if self._last is None else self._last + self._step

    def place(self, timestamp_s: float | None) -> float:
        """Returns the position of the next frame in seconds; ``timestamp_s`` is None if it has no timestamp."""
        last, following = self._last or 0.0, self.end_s
        place = following if timestamp_s is None else timestamp_s + self._offset
        if place < last - _UNORDERED * self._step:
            self._offset += following - place
            place = following
        self._last = max(place, last)
        return self._last
