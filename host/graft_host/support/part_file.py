"""Keeps what has been downloaded of a file, so that the next run goes on from there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from graft_device.system.locks import NoLocksError, try_lock
from graft_device.system.plain import NotAFileError

_CHUNK = 1 << 18
_POLL_S = 0.2


class Part:
    """What has been downloaded of a file.

    Attributes:
        size: the number of bytes that are here.
        furthest: the largest ``size`` so far; it does not fall when the part is cleared.
    """

    def __init__(self, handle: int) -> None:
        """Reads what is here.

        Args:
            handle: the open file, for reading and writing.
        """
        self.size = self.furthest = 0
        self._handle = handle
        self._digest = hashlib.md5(usedforsecurity=False)
        os.lseek(handle, 0, os.SEEK_SET)
        while data := os.read(handle, _CHUNK):
            self._count(data)

    @property
    def md5(self) -> str:
        """The MD5 of the content, in hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Appends bytes; raises OSError if the disk is full, after those that still fit."""
        left = memoryview(data)
        while left:
            written = os.write(self._handle, left)
            self._count(left[:written])
            left = left[written:]

    def clear(self) -> None:
        """Removes the content, but not the file."""
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        self._digest, self.size = hashlib.md5(usedforsecurity=False), 0

    def _count(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self.size += len(data)
        self.furthest = max(self.furthest, self.size)


@contextlib.contextmanager
def locked_part(path: Path, on_wait: Callable[[], None]) -> Iterator[Part | None]:
    """Opens a part and locks it for this process.

    On a file system without locks it stays unlocked: two processes then write the same bytes to the same places.

    Args:
        path: the part, which is created if it is missing.
        on_wait: called once if another process has locked it.

    Yields:
        The part; None if another process renamed or removed it meanwhile.

    Raises:
        OSError: it cannot be opened, or is not a plain file.
    """
    with open(path, "r+b", buffering=0, opener=_open) as file:
        handle = file.fileno()
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotAFileError(errno.EINVAL, "not a plain file", os.fspath(path))
        with contextlib.suppress(NoLocksError):
            if not try_lock(handle):
                on_wait()
                while not try_lock(handle):
                    time.sleep(_POLL_S)
        yield Part(handle) if _still_named(handle, path) else None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NONBLOCK, 0o666)


def _still_named(handle: int, path: Path) -> bool:
    """Whether the path still leads to the file that was opened."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
