"""Locks an inbox, so that one process at a time moves its pictures."""

from __future__ import annotations

import time
from typing import BinaryIO

from graft_device.errors import os_reason
from graft_device.system.locks import NoLocksError, lock_file
from graft_host.sorting.places import WORK, Folders
from graft_host.sorting.state import SortError

_PAUSE_S = 0.02


class BusyError(SortError):
    """Another process is moving pictures of the inbox."""


def locked(folders: Folders, patience_s: float) -> BinaryIO | None:
    """Locks an inbox until the file is closed.

    Args:
        folders: the inbox and the photos.
        patience_s: how long to wait for another process that has locked it, in seconds.

    Returns:
        The file; None where the file system has no locks.

    Raises:
        BusyError: another process has locked it.
        SortError: the inbox cannot be written to.
    """
    until = time.monotonic() + patience_s
    try:
        (folders.inbox / WORK).mkdir(exist_ok=True)
        while (lock := lock_file(folders.inbox / WORK / "lock")) is None:
            if time.monotonic() >= until:
                raise BusyError(f"{folders.inbox} is being sorted by another 'graft sort'", "end that one first")
            time.sleep(_PAUSE_S)
    except NoLocksError:
        return None
    except OSError as error:
        raise SortError(f"cannot write in {folders.inbox}: {os_reason(error)}", "change its permissions") from error
    return lock
