"""The exit codes of ``install``, ``rollback``, ``models`` and ``selftest``, and the errors that lead to them.

Update agents and scripts build on these numbers: none ever changes its meaning.
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
    """A model does not do on this board what it did where it was made."""

    exit_status = int(ExitCode.SELFTEST)


class SignatureError(GraftError):
    """A signature is demanded, and the model has none that holds."""

    exit_status = int(ExitCode.SIGNATURE)


class DowngradeError(GraftError):
    """A signed model is older than one that was installed before it."""

    exit_status = int(ExitCode.DOWNGRADE)


class StoreError(GraftError):
    """The store cannot be written: no room, read-only, or no permission."""

    exit_status = int(ExitCode.STORE)


class BusyError(GraftError):
    """Another process installs or rolls back."""

    exit_status = int(ExitCode.BUSY)


class ChecksumError(GraftError):
    """A file is not the one that it should be."""

    exit_status = int(ExitCode.CHECKSUM)


class FetchError(GraftError):
    """A model could not be fetched; it is worth trying again."""

    exit_status = int(ExitCode.FETCH)


_ADVICE = {
    errno.ENOSPC: "free some space, or name another folder with --store",
    errno.EDQUOT: "free some space, or name another folder with --store",
    errno.EROFS: "mount it writable, or name another folder with --store",
    errno.EACCES: "run as its owner (sudo), or name another folder with --store",
    errno.EPERM: "run as its owner (sudo), or name another folder with --store",
}


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns what the system says while a store is written into a StoreError that says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "name another folder with --store")
        raise StoreError(f"cannot write the store {root}: {os_reason(error)}; {advice}") from error
