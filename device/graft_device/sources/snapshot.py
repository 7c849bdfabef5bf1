"""A single picture file that another program rewrites again and again, read as a camera."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterator

from graft_device.errors import os_reason
from graft_device.sources.base import SourceError
from graft_device.sources.contents import Snapshot, read_now
from graft_device.sources.live import Shots
from graft_device.sources.scanning import State, state_of
from graft_device.system.pacing import Pace

PATIENCE_S = 5.0
"""Seconds for which the file may be missing, or never whole, before that is reported."""

_LOOK_S = 0.1
_AGAIN_S = 0.02


class SnapshotFile:
    """Opens the file as a camera: what is there at first, and then each new picture.

    A file is read when it has changed. If it is only half written then, or changes while it is read, it is read again
    soon. So is a file that is missing for a moment, because some programs remove it before they write it.
    """

    def __init__(self, path: str, interval: float) -> None:
        """Reads nothing.

        Args:
            path: the file.
            interval: seconds between two looks at it.
        """
        self._path = path
        self._interval = interval
        self._last: State | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Shots]:
        """Opens the file; reading raises SourceError if it is missing, or never whole, for ``PATIENCE_S``."""
        yield self._pictures()

    def _pictures(self) -> Shots:
        pace, failing_since = Pace(self._interval), None
        while True:
            wait = pace.wait_s(time.monotonic())
            if wait:
                time.sleep(min(wait, _LOOK_S))
                yield None
                continue
            snapshot, reason = self._read()
            if not reason:
                pace.record(time.monotonic())
                failing_since = None
                yield functools.partial(_as_it_is, snapshot.data) if snapshot is not None else None
                continue
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > PATIENCE_S:
                raise SourceError(f"cannot read {self._path}: {reason}")
            time.sleep(_AGAIN_S)
            yield None

    def _read(self) -> tuple[Snapshot | None, str]:
        """The picture if it is a new one, and why it cannot be read; the reason is empty if there is none."""
        try:
            state = state_of(os.stat(self._path))  # noqa: PTH116  many times a second
        except OSError as error:
            return None, os_reason(error)
        if self._last is not None and self._last.same(state):
            return None, ""
        snapshot = read_now(self._path)
        if snapshot is None:
            return None, "it is not a whole photo whenever it is read; write it under another name, then rename it"
        self._last = snapshot.state
        return snapshot, ""


def _as_it_is(data: bytes) -> bytes:
    return data
