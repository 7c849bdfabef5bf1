"""A source for cameras: opens a lost camera again, with growing waits between tries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from graft_device.errors import PhotoError
from graft_device.sources.base import Frame, HopelessError, Note, SourceError, utc_now
from graft_device.sources.decoding import DecodedFrame
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

Shots = Iterator["Callable[[], PhotoSource] | None"]
"""The frames of an open camera. Each is a function that loads it; None while there is no new one."""


def DAMAGED() -> PhotoSource:  # noqa: N802  a constant among the functions that load frames
    """Stands for a damaged frame, which cannot be loaded."""
    raise PhotoError("a damaged frame")


Opener = Callable[[], AbstractContextManager[Shots]]
"""Opens a camera and closes it after the ``with`` block; raises SourceError if opening or reading fails."""

STEADY_S = 10.0
"""If a camera has run for so many seconds before it is lost, the waits start over."""

_MANY_DAMAGED = 25
_GOOD_AFTER_DAMAGE = 2  # a decoder gives one more frame after the one that was cut when the camera was lost


class Live:
    """The frames of a camera that may be lost.

    One that is missing at the start or lost later is tried again until the run ends. Only what no waiting can change
    is an error, and a camera that is missing at the start where it is required.
    """

    live = True

    def __init__(
        self, name: str, opener: Opener, note: Note, backoff: Backoff | None = None, required: bool = False
    ) -> None:
        """Opens nothing until the first frame is requested.

        Args:
            name: the camera's name, without a password.
            opener: opens the camera.
            note: called with a line when the camera is lost, when it is back, and once when it gives damaged frames.
            backoff: the waits between tries; half a second to 30 seconds when None.
            required: whether it must be there at the start.
        """
        self.name = name
        self._open = opener
        self._note = note
        self._backoff = backoff or Backoff()
        self._lost_at: float | None = None
        self._required = required
        self._reasons: set[str] = set()
        self._number = 0
        self._damaged = self._good = 0
        self.damaged = 0
        self._damage_noted = False

    @property
    def lost_s(self) -> float:
        """Seconds since the camera was lost, or found missing at the start; 0 while it gives frames."""
        lost_at = self._lost_at
        return 0.0 if lost_at is None else time.monotonic() - lost_at

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Yields each frame as it comes, and None several times a second while the camera is lost.

        Raises:
            HopelessError: it can never be opened.
            SourceError: it is required, and is missing at the start.
        """
        session = 0
        while not stop.wanted:
            started = time.monotonic()
            reason = "it stopped giving frames"
            try:
                with self._open() as shots:
                    for load in shots:
                        if load is DAMAGED:
                            self._skip()
                            continue
                        yield None if load is None else self._frame(load, session)
                        if stop.wanted:
                            return
            except SourceError as error:
                if not self._number and (self._required or isinstance(error, HopelessError)):
                    raise
                reason = str(error)
            if not self._number and self._required:
                raise SourceError(f"{self.name} gives no frames")
            session += 1
            self._lost(reason)
            if time.monotonic() - started > STEADY_S:
                self._backoff.reset()
            yield from stop.ticks(self._backoff.next())

    def _frame(self, load: Callable[[], PhotoSource], session: int) -> Frame:
        if self._lost_at is not None:
            self._lost_at = None
            self._note(f"{self.name} is {'back' if self._number else 'there'}")
        if self._damaged:
            self._good += 1
            if self._good == _GOOD_AFTER_DAMAGE:
                self._note_damage()
                self._damaged = 0
        self._number += 1
        grey = load.grey if isinstance(load, DecodedFrame) else None
        return Frame(load, self.name, self._number, utc_now(), time.monotonic(), session, grey=grey)

    def _skip(self) -> None:
        """Passes over a damaged frame. Its number is used up, so that it counts as dropped."""
        self._number += 1
        self.damaged += 1
        self._damaged += 1
        self._good = 0
        if self._damaged == _MANY_DAMAGED:
            self._note_damage()

    def _note_damage(self) -> None:
        """Notes once that frames are damaged; the last frame before a camera is lost does not count."""
        if not self._damage_noted:
            self._note(f"{self.name} gives damaged frames; they are skipped")
        self._damage_noted = True

    def _lost(self, reason: str) -> None:
        """Notes an outage once; before the first frame, each reason once: the first may only be the network's."""
        self._damaged = 0
        first = self._lost_at is None
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        if first or (not self._number and reason not in self._reasons):
            about = reason if self.name in reason else f"{self.name}: {reason}"
            self._note(f"{about}; {'trying to open it again' if self._number else 'waiting for it'}")
        self._reasons.add(reason)
