"""Keeps studios that have the same folder open from changing a file between reading and writing it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.system.locks import NoLocksError, lock_file
from graft_host.studio.project.errors import StudioError

_WAIT_S = 10.0
_LOOK_S = 0.02


@contextlib.contextmanager
def locked(lock: Path, name: str) -> Iterator[None]:
    """Has the block run in one studio at a time; in several where the file system has no locks.

    Args:
        lock: the file that is locked; made if it is missing.
        name: what is changed, for errors.

    Raises:
        StudioError: it cannot be locked, or another studio does not end.
    """
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            held = lock_file(lock)
        except NoLocksError:
            yield
            return
        except OSError as error:
            raise StudioError(f"cannot lock {name}: {os_reason(error)}", "see who may write there") from error
        if held is not None:
            with held:
                yield
            return
        if time.monotonic() > until:
            raise StudioError(f"another studio is writing {name}", "try again")
        time.sleep(_LOOK_S)
