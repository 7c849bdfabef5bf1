"""The files of an event queue: a database, and a lock file that also stores the last number."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.outputs.damaged_database import BESIDE, DamagedError
from graft_device.outputs.damaged_queue import MAX_NUMBER, is_sound
from graft_device.system.locks import NoLocksError, lock_file
from graft_device.system.plain import check_plain_if_there

DATABASE = "events.db"

_TABLES = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counts VALUES ('seq', 0), ('dropped', 0);
"""
_COLUMNS = {
    "events": [(b"seq", b"INTEGER"), (b"body", b"BLOB")],
    "counts": [(b"name", b"TEXT"), (b"value", b"INTEGER")],
}
# A write-ahead log with few syncs: nothing is lost when a process dies, and an SD card lasts longer. The others
# keep a damaged file from running SQL of its own, from taking much memory, and from passing for a sound one.
_SETTINGS = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "wal_autocheckpoint=100",
    "journal_size_limit=1000000",
    "cache_size=-2000",
    "mmap_size=0",
)
_DIGITS, _NAME_BYTES = 20, 255
_ROOM = 500_000
"""Bytes that opening a database and its log may need. With less free space, the disk counts as full."""


class Lock:
    """Reserves a folder for one process, and stores the last number that was given to an event.

    Each number overwrites the one before it, which works even on a full disk. So the number survives a crash even if
    the database could store nothing. Behind it is the name of a damaged file while its events are rescued.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the lock.

        Raises:
            GraftError: another run holds it, or the file system has no locks.
            OSError: the folder cannot be used.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = lock_file(folder / "lock")
        except NoLocksError as error:
            what = f"the queue cannot be in {folder}, because its file system has no locks"
            raise GraftError(what, "name another folder with --queue") from error
        if file is None:
            raise GraftError(
                f"another run uses the queue in {folder}", "give this one its own TOPIC, or another --queue"
            )
        self._file = file

    def number(self) -> int:
        """The last number that was stored; 0 for none, or for one that no event has."""
        try:
            number = int(os.pread(self._file.fileno(), _DIGITS, 0))
        except (OSError, ValueError):
            return 0
        return number if 0 <= number < MAX_NUMBER else 0

    def remember(self, number: int) -> None:
        """Stores a number, if the disk allows it."""
        with contextlib.suppress(OSError):
            os.pwrite(self._file.fileno(), f"{number:0{_DIGITS}}".encode(), 0)

    def rescuing(self) -> str:
        """The name of the damaged file whose events were not all rescued; empty if there is none."""
        try:
            return os.fsdecode(os.pread(self._file.fileno(), _NAME_BYTES, _DIGITS))
        except (OSError, ValueError):
            return ""

    def rescue(self, name: str) -> None:
        """Stores that name, or an empty one after the rescue, if the disk allows it."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file.fileno(), _DIGITS)
            os.pwrite(self._file.fileno(), os.fsencode(name), _DIGITS)

    def close(self) -> None:
        """Releases the folder."""
        self._file.close()


def open_database(folder: Path) -> sqlite3.Connection:
    """Opens or creates the database of a folder, and checks that it is sound.

    Text is read as bytes, because damaged text may not be UTF-8.

    Raises:
        DamagedError: the file is not a sound database with the two tables of a queue.
        sqlite3.Error: it cannot be opened, or SQLite finds it damaged (see ``is_damage``).
        OSError: one of its files is a pipe or device.
    """
    path = folder / DATABASE
    if path.is_dir():
        raise DamagedError(f"{path} is a folder")
    check_plain_if_there(path, *(path.with_name(path.name + ending) for ending in BESIDE))
    database = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        database.text_factory = bytes
        for pragma in _SETTINGS:
            database.execute(f"PRAGMA {pragma}")
        _check(database)
        database.executescript(_TABLES)
        _check_tables(database)
    except BaseException:
        database.close()
        raise
    return database


@dataclass(frozen=True)
class Contents:
    """What a queue's file holds.

    Attributes:
        highest: the highest number that the file remembers, of an event or in its count; 0 for none.
        bytes: the size of the events as JSON.
        unusable: how many rows could not be events and were removed.
    """

    highest: int
    bytes: int
    unusable: int


def measure(database: sqlite3.Connection) -> Contents:
    """Measures the contents of a queue's file, and removes rows whose number or type no event has."""
    query = "SELECT count(*) FROM events WHERE seq < 1 OR seq > ? OR typeof(body) NOT IN ('blob', 'text')"
    unusable = int(database.execute(query, (MAX_NUMBER,)).fetchone()[0])
    if unusable:
        with database:
            database.execute(query.replace("SELECT count(*)", "DELETE"), (MAX_NUMBER,))
    size = int(database.execute("SELECT coalesce(sum(length(body)), 0) FROM events").fetchone()[0])
    counts = database.execute("SELECT value FROM counts WHERE name = 'seq'").fetchall()
    highest = max((number for (number,) in counts if isinstance(number, int) and number < MAX_NUMBER), default=0)
    for seq, body in database.execute("SELECT seq, body FROM events ORDER BY seq DESC"):
        if is_sound(seq, body):
            return Contents(max(highest, seq), size, unusable)
    return Contents(highest, size, unusable)


def is_full(error: Exception, folder: Path) -> bool:
    """Whether opening a queue failed because the disk is full."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM


def _check(database: sqlite3.Connection) -> None:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if b"counts" in tables and b"events" not in tables:  # they are created in the other order
        raise DamagedError("the table events is missing")
    finding = database.execute("PRAGMA quick_check(1)").fetchone()
    if finding != (b"ok",):
        raise DamagedError("the pages of the file contradict each other")


def _check_tables(database: sqlite3.Connection) -> None:
    for table, columns in _COLUMNS.items():
        found = [(name, kind) for _, name, kind, *_ in database.execute(f"PRAGMA table_info({table})")]
        if found != columns:
            raise DamagedError(f"the table {table} has other columns")
