"""Photos by name."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence

from graft_device.sources.base import Frame, utc_now
from graft_device.system.stopping import Stop


def _same(path: str) -> str:
    return path


def photo_frame(path: str, number: int) -> Frame:
    """A frame that is a photo file; it is read when it is classified."""
    return Frame(functools.partial(_same, path), path, number, utc_now(), time.monotonic())


class Photos:
    """Each of the given photos once, in order."""

    live = False

    def __init__(self, paths: Sequence[str]) -> None:
        self.name = paths[0] if len(paths) == 1 else f"{len(paths)} photos"
        self._paths = tuple(paths)

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives a frame a photo."""
        for number, path in enumerate(self._paths, 1):
            if stop.wanted:
                return
            yield photo_frame(path, number)
