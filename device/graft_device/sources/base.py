"""What every source of pictures gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from graft_device.errors import GraftError
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

Note = Callable[[str], None]
"""Takes a line for the person; the command line puts it on standard error."""


class SourceError(GraftError):
    """A camera, video or folder cannot be read."""


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        load: gives the picture as ``Classifier`` takes it: a path, or RGB pixels uint8 ``[H,W,3]``. What is passed
            over is never converted.
        source: the file, or the camera's name.
        number: counts the source's frames from 1, passed-over ones too.
        time: when it was taken or found, ISO 8601 in UTC.
        monotonic: the same moment in seconds of ``time.monotonic``.
        session: goes up when a camera is opened again: what was seen before no longer counts.
        dropped: frames passed over since the one before.
        position: seconds from the start of a video file; None elsewhere.
    """

    load: Callable[[], PhotoSource]
    source: str
    number: int
    time: str
    monotonic: float
    session: int = 0
    dropped: int = 0
    position: float | None = None


class Source(Protocol):
    """A source of pictures.

    ``live`` sources bring frames on their own, so only the newest counts, and they are read in a thread; the others
    wait until they are asked, and nothing of theirs is dropped.
    """

    @property
    def name(self) -> str:
        """What to call it; no passwords."""

    @property
    def live(self) -> bool:
        """Whether frames come on their own."""

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives the frames; None where there is nothing new yet. Ends with the source, or soon after ``stop``.

        Raises:
            SourceError: the source cannot be read.
        """


def utc_now() -> str:
    """This moment as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
