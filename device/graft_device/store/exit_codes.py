"""The exit codes of ``install``, ``rollback``, ``models`` and ``selftest``, and the errors that cause them.

Update agents and scripts depend on these numbers: none ever changes its meaning.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

from graft_device.errors import GraftError, os_reason


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    SELFTEST = 3
    SIGNATURE = 4
    DOWNGRADE = 5
    STORE = 6
    BUSY = 7
    CHECKSUM = 8
    FETCH = 9
    INTERRUPTED = 130


class SelfTestError(GraftError):
    """A model gives other results on this board than where it was made."""

    exit_status = int(ExitCode.SELFTEST)


class SignatureError(GraftError):
    """The board requires a signature, and the model has no valid one."""

    exit_status = int(ExitCode.SIGNATURE)


class DowngradeError(GraftError):
    """A signed model is older than one that was installed before it."""

    exit_status = int(ExitCode.DOWNGRADE)


class StoreError(GraftError):
    """The store cannot be written: it is full or read-only, or the user has no permission."""

    exit_status = int(ExitCode.STORE)


class BusyError(GraftError):
    """Another process is installing or rolling back."""

    exit_status = int(ExitCode.BUSY)


class ChecksumError(GraftError):
    """A file is not the one that was expected."""

    exit_status = int(ExitCode.CHECKSUM)


class FetchError(GraftError):
    """A model could not be downloaded; trying again may help."""

    exit_status = int(ExitCode.FETCH)


_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another folder with --store",
    errno.EDQUOT: "free some space, or choose another folder with --store",
    errno.EROFS: "mount it writable, or choose another folder with --store",
    errno.EACCES: "run the command as its owner (sudo), or choose another folder with --store",
    errno.EPERM: "run the command as its owner (sudo), or choose another folder with --store",
}


def is_full(error: BaseException) -> bool:
    """Whether an error, or the one that it came from, is that of a full disk."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns an OSError from the block, which writes a store, into a StoreError with a remedy."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "choose another folder with --store")
        raise StoreError(f"cannot write the store {root}: {os_reason(error)}", remedy) from error
