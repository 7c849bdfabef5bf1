"""A source of photos that are given by name."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence

from graft_device.sources.base import Frame, utc_now
from graft_device.system.stopping import Stop


def _same(path: str) -> str:
    return path


def _as_it_is(data: bytes) -> bytes:
    return data


def photo_frame(path: str, number: int) -> Frame:
    """A frame for a photo file, which is read when it is classified."""
    return Frame(functools.partial(_same, path), path, number, utc_now(), time.monotonic())


def loaded_frame(path: str, data: bytes, number: int) -> Frame:
    """A frame for a photo file that has been read."""
    return Frame(functools.partial(_as_it_is, data), path, number, utc_now(), time.monotonic())


class Photos:
    """The given photos, each once, in order."""

    live = False

    def __init__(self, paths: Sequence[str]) -> None:
        self.name = paths[0] if len(paths) == 1 else f"{len(paths)} photos"
        self._paths = tuple(paths)

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Yields a frame for each photo."""
        for number, path in enumerate(self._paths, 1):
            if stop.wanted:
                return
            yield photo_frame(path, number)
