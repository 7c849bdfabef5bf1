"""The sources of a run side by side: each is read in a thread of its own, and their frames come in turn."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from graft_device.run.presence import Presence
from graft_device.run.readers import EachFrame, Newest, Reader
from graft_device.sources.base import Frame, Note, Source, SourceError
from graft_device.sources.video import Video
from graft_device.system.pacing import Pace
from graft_device.system.stopping import Stop

HANG_S = 30.0
"""Seconds without a frame or an error after which a source counts as hung. Then systemd's watchdog is not fed."""

_LOOK_S = 0.1


@dataclass(frozen=True)
class Feed:
    """A source, and how often its frames are wanted.

    Attributes:
        source: gives the frames.
        interval: seconds between two frames; 0 for all. A video counts them by its own clock.
        most: the number of frames after which it ends; None for no such end.
    """

    source: Source
    interval: float = 0.0
    most: int | None = None


@dataclass(frozen=True)
class Turn:
    """A frame, and the place of its feed in the list of feeds."""

    feed: int
    frame: Frame


class Feeds:
    """Takes the frames of several sources in turn, so that a fast one does not hold up the others."""

    def __init__(
        self, feeds: Sequence[Feed], stop: Stop, note: Note, presence: Callable[[int, bool], None] = lambda *_: None
    ) -> None:
        """Reads nothing until it is entered.

        Args:
            feeds: the sources; at least one.
            stop: ends the turns when it is set.
            note: called with a line when a source hangs, or fails while others go on.
            presence: called with the place of a feed and whether its source gives frames, when that changes.
        """
        self._bell = threading.Condition()
        self._stop = stop
        self._note = note
        self._read = [_Read(place, feed, self._bell, presence) for place, feed in enumerate(feeds)]
        self._errors: list[SourceError] = []
        self._hung: set[int] = set()

    def __enter__(self) -> Feeds:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            for read in self._read:
                stack.enter_context(read.reader)
            for read in self._read:  # all end before the first is waited for
                stack.callback(read.reader.end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def turns(self) -> Iterator[Turn | None]:
        """Yields the frames as they come, and None several times a second while there is none.

        While every source hangs, nothing is yielded, so that systemd gets no sign of life and restarts the service.

        Raises:
            SourceError: no source can be read.
        """
        first = 0
        while not self._stop.wanted:
            found = False
            for read in [*self._read[first:], *self._read[:first]]:
                frame = self._next(read)
                if frame is not None:
                    found = True
                    yield Turn(read.place, frame)
                    if self._stop.wanted:
                        return
            first = (first + 1) % len(self._read)
            if all(read.ended for read in self._read):
                if len(self._errors) == len(self._read):
                    raise self._errors[0]
                return
            if not found:
                if not self._all_hang():
                    yield None
                self._wait()

    def _next(self, read: _Read) -> Frame | None:
        if read.ended:
            return None
        try:
            frame = read.next(time.monotonic())
        except SourceError as error:
            read.ended = True
            self._errors.append(error)
            if len(self._read) > 1:
                self._note(f"{error}; the other sources go on")
            return None
        read.presence.update(read.reader.silent_s)
        return frame

    def _all_hang(self) -> bool:
        """Whether no source gives a sign of life any more; notes each that hangs."""
        waiting = [read for read in self._read if not read.ended]
        hung = {read.place for read in waiting if read.reader.silent_s > HANG_S}
        for place in hung - self._hung:
            name = "the camera" if len(self._read) == 1 else self._read[place].name
            self._note(f"{name} hangs: no frame for {HANG_S:.0f} s")
        self._hung = hung
        return len(hung) == len(waiting)

    def _wait(self) -> None:
        now = time.monotonic()
        due = min((wait for read in self._read if (wait := read.wait_s(now)) and not read.ended), default=_LOOK_S)
        with self._bell:
            ready = any(not read.ended and read.reader.has_frame and not read.wait_s(now) for read in self._read)
            if not ready:
                self._bell.wait(min(due, _LOOK_S))


class _Read:
    """A feed while it is read."""

    def __init__(
        self, place: int, feed: Feed, bell: threading.Condition, presence: Callable[[int, bool], None]
    ) -> None:
        self.place = place
        self.name = feed.source.name
        self.reader: Reader = (Newest if feed.source.live else EachFrame)(feed.source, bell)
        self.presence = Presence(feed.source, lambda present: presence(place, present))
        self.ended = False
        self._pace = Pace(0.0 if isinstance(feed.source, Video) else feed.interval)
        self._left = feed.most

    def wait_s(self, now: float) -> float:
        """Seconds until the next frame is wanted."""
        return self._pace.wait_s(now)

    def next(self, now: float) -> Frame | None:
        """The next frame if it is due and there; raises what the source raises."""
        if self._pace.wait_s(now):
            return None
        ended = self.reader.ended  # asked first: if it ends with an error now, the next call raises that
        frame = self.reader.take(0)
        if frame is None:
            self.ended = ended
            return None
        self._pace.record(time.monotonic())
        if self._left is not None:
            self._left -= 1
            self.ended = not self._left
        return frame
