"""A source that reads a video file frame by frame, as fast as the frames are classified."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft_device.sources.base import Frame, Note, SourceError, utc_now
from graft_device.sources.decoding import DecodedFrame, decoded_frames, opened
from graft_device.sources.timeline import Timeline
from graft_device.system.pacing import Pace
from graft_device.system.stopping import Stop

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv"}
    | {".mjpeg", ".mjpg", ".h264", ".h265", ".hevc"}
)

_USUAL_RATE = 25
_START_UNITS = 1_000_000  # a container's start is in microseconds
_SHORT_S = 1.0


class Video:
    """The frames of a video file: one every ``interval`` seconds of the video, or all of them for 0."""

    live = False

    def __init__(self, path: Path, note: Note, interval: float = 0.0) -> None:
        """Opens nothing until the first frame is requested.

        Args:
            path: the video file.
            note: called with a line, once, if the file is damaged in places or cut short.
            interval: seconds of the video between two frames; 0 for all frames.
        """
        self.name = str(path)
        self._path = path
        self._note = note
        self._interval = interval
        self._damaged = False

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Yields the frames that are due, and None for the others. Damaged frames are skipped.

        Raises:
            SourceError: the file is missing, empty, not a video, or has no frame that can be decoded.
        """
        if not self._path.is_file():
            raise SourceError(f"no such video: {self._path}")
        number = last = 0
        pace = Pace(self._interval)
        # FFmpeg takes the text before a colon for a protocol, unless a protocol is given.
        with opened(self.name, f"file:{self._path}") as container:
            timeline = _timeline(container)
            for frame in decoded_frames(container):
                if stop.wanted:
                    return
                if frame is None:
                    self._on_damage()
                    continue
                number += 1
                position = timeline.place(frame.time)
                if pace.wait_s(position):
                    yield None
                    continue
                pace.record(position)
                load = DecodedFrame(frame)
                yield Frame(
                    load, self.name, number, utc_now(), time.monotonic(),
                    dropped=number - last - 1, position=round(position, 3), grey=load.grey,
                )  # fmt: skip
                last = number
            declared = _declared_seconds(container)
        if number == 0:
            raise SourceError(f"{self.name} has no frame that can be decoded: it is empty, cut short or damaged")
        if declared is not None and timeline.end_s < declared - _SHORT_S and not self._damaged:
            self._note(f"{self.name} ends after {timeline.end_s:.1f} s of {declared:.1f} s: it is cut short")

    def _on_damage(self) -> None:
        if not self._damaged:
            self._note(f"{self.name} is damaged in places; frames that cannot be decoded are skipped")
        self._damaged = True


def _timeline(container: Any) -> Timeline:
    stream = container.streams.video[0]
    rate = stream.guessed_rate or stream.average_rate or _USUAL_RATE
    return Timeline((container.start_time or 0) / _START_UNITS, 1 / float(rate))


def _declared_seconds(container: Any) -> float | None:
    """The length of the video stream as Matroska declares it; the duration of the file may be that of its sound."""
    duration = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", container.streams.video[0].metadata.get("DURATION", ""))
    return int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3]) if duration else None
