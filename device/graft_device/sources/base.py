"""The interface of every source of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from graft_device.errors import GraftError
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graft_device.preprocess import PhotoSource

Note = Callable[[str], None]
"""Is called with a line for the user; the command line prints it on standard error."""


class SourceError(GraftError):
    """A camera, video or folder cannot be read."""


class HopelessError(SourceError):
    """A source cannot be read now or later, such as for want of a package. There is nothing to wait for."""


@dataclass(frozen=True)
class Frame:
    """One frame of a source.

    Attributes:
        load: returns the frame as ``Classifier`` takes it: a path, or RGB pixels ``[H,W,3]``, uint8. Skipped frames
            are never converted.
        source: the file, or the camera's name.
        number: the number of the frame. Counts from 1 and includes skipped frames.
        time: when the frame was taken or the file was found, ISO 8601 in UTC.
        monotonic: the same moment in seconds of ``time.monotonic``.
        session: how often the camera was opened again. Smoothing starts over when it changes.
        dropped: the number of frames that were skipped since the previous one.
        position: seconds from the start of a video file; None for other sources.
        grey: returns the frame's brightness ``[H,W]``, uint8, without a conversion of its colours; read only, and
            in the range of the source, which may be 16 to 235. None where that is no faster than ``load``.
    """

    load: Callable[[], PhotoSource]
    source: str
    number: int
    time: str
    monotonic: float
    session: int = 0
    dropped: int = 0
    position: float | None = None
    grey: Callable[[], NDArray[np.uint8]] | None = None


class Source(Protocol):
    """A source of frames.

    A live source produces frames at its own pace: it is read in a thread, and only the newest frame counts. Any other
    source waits for the next request, and none of its frames is dropped.
    """

    @property
    def name(self) -> str:
        """The name for messages, without a password."""

    @property
    def live(self) -> bool:
        """Whether it produces frames at its own pace."""

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Yields the frames, and None while there is no new one. Ends with the source, or soon after ``stop`` is set.

        Raises:
            SourceError: the source cannot be read.
        """


@runtime_checkable
class Losable(Protocol):
    """A source that may be lost and come back during a run, such as a camera or a folder on a network drive."""

    @property
    def lost_s(self) -> float:
        """Seconds since the source was lost; 0 while it can be read."""


@runtime_checkable
class Damageable(Protocol):
    """A source that may give damaged frames, which are skipped."""

    @property
    def damaged(self) -> int:
        """How many damaged frames were skipped in this run."""


def utc_now() -> str:
    """This moment as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
