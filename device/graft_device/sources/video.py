"""A video file: frame by frame, as fast as they are classified."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.pacing import Pace
from graft_device.sources.base import Frame, Note, SourceError, utc_now
from graft_device.sources.decoding import loader, opened, pictures
from graft_device.stopping import Stop

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv"}
    | {".mjpeg", ".mjpg", ".h264", ".h265", ".hevc"}
)


class Video:
    """The frames of a video file, one every ``interval`` seconds of the video, all of them for 0."""

    live = False

    def __init__(self, path: Path, note: Note, interval: float = 0.0) -> None:
        """Opens nothing yet; ``note`` takes a line, once, when the file is damaged in places."""
        self.name = str(path)
        self._path = path
        self._note = note
        self._interval = interval
        self._damaged = False

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives the frames that are due; what cannot be decoded in the middle is passed over.

        Raises:
            SourceError: the file is missing, empty, no video, or holds no picture that can be decoded.
        """
        if not self._path.is_file():
            raise SourceError(f"no such video: {self._path}")
        number = last = 0
        pace = Pace(self._interval)
        with opened(self.name, str(self._path)) as container:
            for picture in pictures(container, self._on_damage):
                if stop.wanted:
                    return
                number += 1
                position = float(picture.time or 0)
                if pace.wait_s(position):
                    continue
                pace.took(position)
                yield Frame(
                    loader(picture), self.name, number, utc_now(), time.monotonic(),
                    dropped=number - last - 1, position=round(position, 3),
                )  # fmt: skip
                last = number
        if number == 0:
            raise SourceError(f"{self.name} holds no picture that can be decoded: it is empty, cut short or damaged")

    def _on_damage(self) -> None:
        if not self._damaged:
            self._note(f"{self.name} is damaged in places; what cannot be decoded is passed over")
        self._damaged = True
