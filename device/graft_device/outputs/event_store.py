"""The files of an event queue: a database, and a lock file that also stores the last number."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.sources.base import Note
from graft_device.system.plain import check_plain_if_there

DATABASE = "events.db"

_TABLES = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counts VALUES ('seq', 0), ('dropped', 0);
"""
_DIGITS = 20
_ROOM = 500_000
"""Bytes that opening a database and its log may need. With less free space, the disk counts as full."""


class Lock:
    """Reserves a folder for one process, and stores the last number that was given to an event.

    Each number overwrites the one before it, which works even on a full disk. So the number survives a crash even if
    the database could store nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the lock.

        Raises:
            GraftError: another run holds it.
            OSError: the folder cannot be used.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise GraftError(
                f"another run uses the queue in {folder}", "give this one its own TOPIC, or another --queue"
            ) from error

    def number(self) -> int:
        """The last number that was stored; 0 for none."""
        try:
            return int(os.pread(self._descriptor, _DIGITS, 0))
        except (OSError, ValueError):
            return 0

    def remember(self, number: int) -> None:
        """Stores a number, if the disk allows it."""
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, f"{number:0{_DIGITS}}".encode(), 0)

    def close(self) -> None:
        """Releases the folder."""
        os.close(self._descriptor)


def open_database(folder: Path, note: Note) -> sqlite3.Connection:
    """Opens or creates the database of a folder. A damaged one is renamed and replaced.

    Raises:
        sqlite3.Error: it cannot be opened.
        OSError: a damaged one cannot be renamed, or one of its files is a pipe or device.
    """
    path = folder / DATABASE
    check_plain_if_there(path, *_beside(path))
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        aside = path.with_name(f"events.damaged-{time.time_ns()}.db")
        for name in (path, *_beside(path)):
            if name.exists():
                name.replace(aside if name == path else name.with_name(aside.name + name.name[len(path.name) :]))
        note(f"the queue in {folder} was damaged; it is now {aside.name}, and a new one is in use")
        return _connect(path)


def _beside(path: Path) -> tuple[Path, ...]:
    """The files that SQLite opens beside a database."""
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm", "-journal"))


def is_full(error: Exception, folder: Path) -> bool:
    """Whether opening a queue failed because the disk is full."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        # A write-ahead log with few syncs: nothing is lost when a process dies, and an SD card lasts longer.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "wal_autocheckpoint=100",
            "journal_size_limit=1000000",
        ):
            database.execute(f"PRAGMA {pragma}")
        database.executescript(_TABLES)
        database.execute("SELECT count(*) FROM events").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
