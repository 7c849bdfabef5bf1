"""Where in a video a frame lies, whatever its timestamps say."""

from __future__ import annotations

_UNORDERED = 4
"""By how many frames timestamps may lie behind the last one because a file is badly written, not joined."""


class Timeline:
    """Seconds from the start of a video, never going back.

    Where timestamps jump back, two recordings were joined, and the second goes on behind the first. A frame without
    one (bare H.264 has none) lies one frame behind the last.
    """

    def __init__(self, start_s: float, step_s: float) -> None:
        """Begins.

        Args:
            start_s: the timestamp of the video's start.
            step_s: seconds from a frame to the next, as far as that is known.
        """
        self._offset = -start_s
        self._step = step_s
        self._last: float | None = None

    @property
    def end_s(self) -> float:
        """Where the last frame placed ends."""
        return 0.0 if self._last is None else self._last + self._step

    def place(self, timestamp_s: float | None) -> float:
        """Places the next frame."""
        last, following = self._last or 0.0, self.end_s
        place = following if timestamp_s is None else timestamp_s + self._offset
        if place < last - _UNORDERED * self._step:
            self._offset += following - place
            place = following
        self._last = max(place, last)
        return self._last
