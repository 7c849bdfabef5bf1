"""Runs on the board with its system Python and the standard library alone: locks out other deployments.

``hold STORE SECONDS`` holds the lock as long as bytes keep coming on standard input: to the board a lost connection may
look alive for hours. ``lease STORE SECONDS TOKEN`` is for Ansible, which keeps no program running: it leaves a process
behind that holds the lock until ``release STORE TOKEN``, or until the connection is gone that it was started over.
SECONDS is the time to wait for another deployment. Prints ``waiting`` if it has to wait, then ``held``, ``busy``, or
``unwritable`` where the store cannot be written, so that nothing can be deployed either.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import sys
import time
from pathlib import Path

SILENCE_S = 30
"""Seconds without a byte after which the other side counts as dead."""
_NAME = ".deploy.lock"
_POLL_S = 0.2
_BUSY = 7
_UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)

# A lease ends this long after it was renewed: while its connection lives, if that is not known, and once it is gone.
_LEASE_S, _UNKNOWN_S, _GONE_S = 3600, 600, 120
_END_S = 2


def hold(store: Path, wait: float) -> None:
    """Takes the lock, and holds it until standard input ends or goes silent."""
    if _take(store, wait) is not None:
        _print("held")
        while select.select([0], [], [], SILENCE_S)[0] and os.read(0, 4096):
            pass


def lease(store: Path, wait: float, token: str) -> None:
    """Takes the lock, or renews it where the same run has it already, and leaves a process behind that holds it.

    The lock's file contains the token as long as the lease goes on.
    """
    note = store / _NAME
    try:
        if _content(note) == token and not _free(store):
            os.utime(note)
            _print("held")
            return
        handle = _take(store, wait)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _print("unwritable")
        return
    if handle is None:
        sys.stderr.write("error: another deployment to it is in progress; try again later\n")
        sys.exit(_BUSY)
    os.pwrite(handle, token.encode(), 0)
    os.ftruncate(handle, len(token))
    connection = _connection()
    if os.fork():
        _print("held")
        return
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    _keep(note, token, connection)
    os._exit(0)


def release(store: Path, token: str) -> None:
    """Ends a lease, and waits until the lock is free."""
    note = store / _NAME
    if _content(note) != token:
        return
    os.truncate(note, 0)
    until = time.monotonic() + _END_S
    while not _free(store) and time.monotonic() < until:
        time.sleep(_POLL_S)


def _take(store: Path, wait: float) -> int | None:
    """Takes the lock; returns its file, which must stay open, or None if another deployment keeps it."""
    os.umask(0o022)
    store.mkdir(parents=True, exist_ok=True)
    # For the owner alone: anybody who can read a file can lock it.
    handle = os.open(store / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if not _locked(handle):
        _print("waiting")
        until = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() > until:
                _print("busy")
                return None
            time.sleep(_POLL_S)
    return handle


def _keep(note: Path, token: str, connection: Path | None) -> None:
    """Returns when the lease was given up or has run out."""
    renewed, since = _renewal(note), time.monotonic()
    while _content(note) == token:
        time.sleep(_POLL_S)
        if (latest := _renewal(note)) != renewed:
            renewed, since = latest, time.monotonic()
        limit = _UNKNOWN_S if connection is None else _LEASE_S if connection.is_dir() else _GONE_S
        if time.monotonic() - since > limit:
            return


def _connection() -> Path | None:
    """The folder in /proc of the sshd process that serves this connection; None where there is none."""
    number = os.getppid()
    with contextlib.suppress(OSError, ValueError, IndexError):
        while number > 1:
            name, _, rest = Path(f"/proc/{number}/stat").read_text().partition("(")[2].rpartition(")")
            if name.startswith("sshd"):
                return Path(f"/proc/{number}")
            number = int(rest.split()[1])
    return None


def _renewal(note: Path) -> int:
    try:
        return note.stat().st_mtime_ns
    except OSError:
        return 0


def _content(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return None


def _free(store: Path) -> bool:
    """Whether nobody holds the lock."""
    handle = os.open(store / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        return _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _print(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    """Runs as ``python - ACTION STORE …`` with this text on standard input, or ``python -c TEXT ACTION STORE …``."""
    action, store, *rest = sys.argv[1:]
    if action == "hold":
        hold(Path(store), float(rest[0]))
    elif action == "lease":
        lease(Path(store), float(rest[0]), rest[1])
    else:
        release(Path(store), rest[0])


if __name__ == "__main__":
    main()
