"""Locks files, and distinguishes a lock that another process holds from a file system that has no locks."""

from __future__ import annotations

import errno
import fcntl
import tempfile
from pathlib import Path

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
