"""Locks files, and distinguishes a lock that another process holds from a file system that has no locks."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

_MISSING = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class NoLocksError(OSError):
    """The file system has no locks, as NFS without its lock service."""


def try_lock(handle: int) -> bool:
    """Locks an open file for this process alone.

    Returns:
        False if another process holds the lock.

    Raises:
        NoLocksError: the file system has no locks.
        OSError: the file cannot be locked for another reason.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _MISSING:
            raise NoLocksError(error.errno, "its file system has no locks") from error
        raise
    return True


def lock_file(path: Path) -> BinaryIO | None:
    """Opens a file, which is created if it does not exist, and locks it for this process alone until it is closed.

    Returns:
        The file, for reading and writing without a buffer; None if another process holds the lock.

    Raises:
        NoLocksError: the file system has no locks.
        OSError: the file cannot be opened or locked.
    """
    # A file object: it is closed with its last reference, whatever interrupts the rest.
    file: BinaryIO = open(path, "r+b", buffering=0, opener=_open_lock)  # noqa: SIM115
    try:
        free = try_lock(file.fileno())
    except BaseException:
        file.close()
        raise
    if free:
        return file
    file.close()
    return None


def _open_lock(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def check_locks(folder: Path) -> None:
    """Checks that parts of files in a folder can be locked, which SQLite needs; it would wait for a minute otherwise.

    Raises:
        NoLocksError: the file system has no locks.
    """
    try:
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed below
    except OSError:  # such as a full disk, which is reported elsewhere
        return
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _MISSING:
                raise NoLocksError(error.errno, "its file system has no locks") from error
