"""Reads a source in a thread: the newest frame of a camera, or one frame after the other of any other source."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator

from graft_device.sources.base import Frame, Source
from graft_device.system.abandoned import Abandonable
from graft_device.system.stopping import Stop

_LOOK_S = 0.1
_JOIN_S = 2.0


class Reader:
    """A thread that reads a source, and the frame that it has read.

    Examples:
        >>> with Newest(source) as reader:  # doctest: +SKIP
        ...     frame = reader.take(timeout=1)
    """

    def __init__(self, source: Source, bell: threading.Condition | None = None) -> None:
        """Reads nothing until it is entered.

        Args:
            source: what to read.
            bell: notified when there is a frame, or no frame will come any more; several readers may share one.
        """
        self._source = source
        self._stop = Stop()
        self._bell = bell or threading.Condition()
        self._frame: Frame | None = None
        self._taken = 0
        self._error: BaseException | None = None
        self._ended = False
        self._beat = time.monotonic()
        self._thread = Abandonable(self._read, f"reads {source.name}")

    def __enter__(self) -> Reader:
        self._beat = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the thread. One that hangs in a driver is abandoned; it does not keep the process alive."""
        self.end()
        self._thread.join(_JOIN_S)

    def end(self) -> None:
        """Has the thread end soon, without a wait for it."""
        self._stop.wanted = True

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._ended and self._frame is None

    @property
    def silent_s(self) -> float:
        """Seconds since the source last gave a frame or reported that it is waiting for one."""
        return time.monotonic() - self._beat

    @property
    def has_frame(self) -> bool:
        """Whether a frame waits, or the source has ended since the last call of ``take``."""
        return self._frame is not None or self._ended

    def take(self, timeout: float) -> Frame | None:
        """Takes the frame, with the number of frames that were dropped before it.

        Args:
            timeout: how many seconds to wait for a frame.

        Returns:
            The frame; None if none came in time, or if the source has ended.

        Raises:
            SourceError: the source cannot be read.
        """
        with self._bell:
            self._want()
            if timeout:
                self._bell.wait_for(lambda: self._frame is not None or self._ended, timeout)
            frame, self._frame = self._frame, None
            if frame is None:
                if self._error is not None:
                    raise self._error
                return None
            self._took()
        return self._counted(frame)

    def _want(self) -> None:
        """Called under the lock before a frame is taken."""

    def _took(self) -> None:
        """Called under the lock after a frame was taken."""

    def _counted(self, frame: Frame) -> Frame:
        return frame

    def _may_read(self) -> bool:
        """Whether the thread may read on; waits a moment at most."""
        return True

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            frames: Iterator[Frame | None] = self._source.frames(self._stop)
            while not self._stop.wanted:
                if not self._may_read():
                    continue
                frame = next(frames)
                self._beat = time.monotonic()
                if frame is not None:
                    with self._bell:
                        self._frame = frame
                        self._bell.notify_all()
        except StopIteration:
            pass
        except BaseException as caught:  # noqa: BLE001  take() raises it in the main thread
            error = caught
        with self._bell:
            self._error, self._ended = error, True
            self._bell.notify_all()


class Newest(Reader):
    """The newest frame of a live source. Older frames are dropped and counted."""

    def _counted(self, frame: Frame) -> Frame:
        dropped = frame.number - self._taken - 1
        self._taken = frame.number
        return dataclasses.replace(frame, dropped=dropped)


class EachFrame(Reader):
    """Each frame of a source that waits. The next one is read when it is asked for, so that none is read in vain."""

    _asked = False

    @property
    def silent_s(self) -> float:
        """Seconds since the source was asked, or last reported that it is waiting for a frame."""
        return time.monotonic() - self._beat if self._asked else 0.0

    def _want(self) -> None:
        if self._frame is None and not self._asked:
            self._asked = True
            self._beat = time.monotonic()
            self._bell.notify_all()

    def _took(self) -> None:
        self._asked = False

    def _may_read(self) -> bool:
        with self._bell:
            return self._bell.wait_for(lambda: self._asked and self._frame is None, _LOOK_S)
