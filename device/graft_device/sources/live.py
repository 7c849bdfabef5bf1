"""A camera that is opened again, with growing waits, for as long as it is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from graft_device.sources.base import Frame, Note, SourceError, utc_now
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Stop

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

Shots = Iterator["Callable[[], PhotoSource]"]
"""The pictures of an open camera, each as what loads it."""

Opener = Callable[[], AbstractContextManager[Shots]]
"""Opens a camera and closes it behind the ``with`` block; raises SourceError where that or reading fails."""

STEADY_S = 10.0
"""A camera that has run for this long starts the waits over when it goes away."""


class Live:
    """Frames of a camera that may vanish.

    A camera that was never there is an error; one that was is tried again for ever.
    """

    live = True

    def __init__(self, name: str, opener: Opener, note: Note, backoff: Backoff | None = None) -> None:
        """Opens nothing yet.

        Args:
            name: what to call it.
            opener: opens it.
            note: takes a line when the camera goes away and one when it is back.
            backoff: the waits between tries; half a second to 30 s when None.
        """
        self.name = name
        self._open = opener
        self._note = note
        self._backoff = backoff or Backoff()
        self._away = False
        self._number = 0

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives each frame as it comes; None while the camera is away, several times a second.

        Raises:
            SourceError: the camera was not there at the start.
        """
        session = 0
        while not stop.wanted:
            started = time.monotonic()
            reason = "it gives no picture any more"
            try:
                with self._open() as shots:
                    for load in shots:
                        yield self._frame(load, session)
                        if stop.wanted:
                            return
            except SourceError as error:
                if not self._number:
                    raise
                reason = str(error)
            if not self._number:
                raise SourceError(f"{self.name} gives no picture")
            session += 1
            self._lost(reason)
            if time.monotonic() - started > STEADY_S:
                self._backoff.reset()
            yield from stop.ticks(self._backoff.next())

    def _frame(self, load: Callable[[], PhotoSource], session: int) -> Frame:
        if self._away:
            self._away = False
            self._note(f"{self.name} is back")
        self._number += 1
        return Frame(load, self.name, self._number, utc_now(), time.monotonic(), session)

    def _lost(self, reason: str) -> None:
        if not self._away:
            about = reason if self.name in reason else f"{self.name}: {reason}"
            self._note(f"{about}; trying to open it again")
        self._away = True
