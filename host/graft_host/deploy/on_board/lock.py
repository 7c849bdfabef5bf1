"""Runs on the board with its system Python and the standard library alone: locks out other deployments.

Holds the lock as long as bytes keep coming on standard input: to the board a lost connection may look alive for hours.
Arguments: STORE SECONDS, the time to wait for another deployment. Prints ``waiting`` if it has to wait, then ``held``
or ``busy``.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from pathlib import Path

SILENCE_S = 30
"""Seconds without a byte after which the other side counts as dead."""
_POLL_S = 0.2


def hold(store: Path, wait: float) -> None:
    """Takes the lock, and holds it until standard input ends or goes silent."""
    os.umask(0o022)
    store.mkdir(parents=True, exist_ok=True)
    # For the owner alone: anybody who can read a file can lock it.
    handle = os.open(store / ".deploy.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if not _locked(handle):
        _print("waiting")
        until = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() > until:
                _print("busy")
                return
            time.sleep(_POLL_S)
    _print("held")
    while select.select([0], [], [], SILENCE_S)[0] and os.read(0, 4096):
        pass


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _print(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hold(Path(sys.argv[1]), float(sys.argv[2]))
