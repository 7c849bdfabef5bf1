"""Runs on the board, with its own Python and nothing but the standard library: keeps other deployments away.

It holds a lock as long as something comes on standard input now and then: a connection that is lost may look alive to
the board for hours. Arguments: STORE SECONDS, to wait for another one. Says ``waiting`` if it has to, then ``held`` or
``busy``.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from pathlib import Path

SILENCE_S = 30
"""Seconds without a sign of life after which a deployment is taken for dead."""
_POLL_S = 0.2


def hold(store: Path, wait: float) -> None:
    """Takes the lock, and holds it until standard input ends or is silent."""
    os.umask(0o022)
    store.mkdir(parents=True, exist_ok=True)
    # For its owner alone: whoever may read a file may lock it.
    handle = os.open(store / ".deploy.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(handle):
        _say("waiting")
        until = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() > until:
                _say("busy")
                return
            time.sleep(_POLL_S)
    _say("held")
    while select.select([0], [], [], SILENCE_S)[0] and os.read(0, 4096):
        pass


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hold(Path(sys.argv[1]), float(sys.argv[2]))
