"""Reads a camera in a thread and keeps only the newest frame."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator

from graft_device.sources.base import Frame, Source
from graft_device.system.pacing import Pace
from graft_device.system.stopping import Stop

_LOOK_S = 0.1
_JOIN_S = 2.0


class Newest:
    """The newest frame of a live source. Older frames are dropped and counted.

    Examples:
        >>> with Newest(source) as newest:  # doctest: +SKIP
        ...     frame = newest.take(timeout=1)
    """

    def __init__(self, source: Source) -> None:
        """Reads nothing until it is entered."""
        self._source = source
        self._stop = Stop()
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._taken = 0
        self._error: BaseException | None = None
        self._ended = False
        self._beat = time.monotonic()
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)

    def __enter__(self) -> Newest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the thread. One that hangs in a driver is abandoned; it does not keep the process alive."""
        self._stop.wanted = True
        self._thread.join(_JOIN_S)

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._ended and self._frame is None

    @property
    def silent_s(self) -> float:
        """Seconds since the source last gave a frame or reported that it is waiting for one."""
        return time.monotonic() - self._beat

    def take(self, timeout: float) -> Frame | None:
        """Takes the newest frame, with the number of frames that were dropped before it.

        Args:
            timeout: how many seconds to wait for a new frame.

        Returns:
            The frame; None if none came in time, or if the source has ended.

        Raises:
            SourceError: the source cannot be read.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout)
            frame, self._frame = self._frame, None
            if frame is None:
                if self._error is not None:
                    raise self._error
                return None
        dropped = frame.number - self._taken - 1
        self._taken = frame.number
        return dataclasses.replace(frame, dropped=dropped)

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for frame in self._source.frames(self._stop):
                self._beat = time.monotonic()
                if frame is not None:
                    with self._changed:
                        self._frame = frame
                        self._changed.notify()
                if self._stop.wanted:
                    break
        except BaseException as caught:  # noqa: BLE001  take() raises it in the main thread
            error = caught
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify()


def newest_frames(newest: Newest, interval: float, stop: Stop) -> Iterator[Frame | None]:
    """Yields the newest frame, at most one every ``interval`` seconds, and None while there is none."""
    pace = Pace(interval)
    while not stop.wanted:
        wait = pace.wait_s(time.monotonic())
        if wait:
            stop.wait(min(wait, _LOOK_S))
            yield None
            continue
        frame = newest.take(_LOOK_S)
        if frame is not None:
            pace.record(time.monotonic())
        elif newest.ended:
            return
        yield frame
