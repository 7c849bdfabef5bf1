"""Recognizes a damaged queue, puts its file aside under a dated name, and rescues the events that can be read."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from graft_device.outputs.events import Event

MAX_NUMBER = 2**53 - 1
"""The highest number of an event that every reader of JSON keeps exactly."""

BESIDE = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite opens beside a database."""

KEPT_ASIDE = 3
"""How many damaged files are kept in a queue's folder; older ones are removed."""

_DAMAGE = frozenset({1, 2, 11, 18, 19, 20, 24, 25, 26})
"""SQLite's primary result codes that a sound file never gives here: ERROR, INTERNAL, CORRUPT, TOOBIG, CONSTRAINT,
MISMATCH, FORMAT, RANGE, NOTADB. Codes such as BUSY, FULL, IOERR and CANTOPEN are about the disk or another process."""

_READONLY = 8
_IOERR = 10
_NOT_DAMAGE = (
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "attempt to write a readonly database",
    "disk i/o error",
    "database or disk is full",
    "unable to open database file",
    "locking protocol",
    "access permission denied",
    "interrupted",
    "out of memory",
    "large file support is disabled",
    "the queue",
)
"""How the messages of the other codes begin, for Python before 3.11, which does not give the codes."""

_DAMAGED = ".damaged-"
_Answer = TypeVar("_Answer")
_MAGIC = b"SQLite format 3\0"
_WAL_FORMAT = 2
_CHUNK = 1 << 16


class DamagedError(sqlite3.DatabaseError):
    """The file of a queue is not a sound database with the tables of a queue."""


def readably(action: Callable[[], _Answer]) -> _Answer:
    """Calls a function that uses a queue's file.

    Raises:
        DamagedError: SQLite's message about the damage quotes it, and so is not UTF-8.
    """
    try:
        return action()
    except UnicodeDecodeError as error:
        raise DamagedError("the schema of the file is damaged") from error


def is_damage(error: Exception, database: Path) -> bool:
    """Whether an error means that a queue's file is damaged; a full disk or a locked file is no damage.

    Args:
        error: what opening, reading or writing the file raised.
        database: the file.
    """
    if isinstance(error, DamagedError):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)  # since Python 3.11
    if code is not None:
        kind = code & 0xFF
        return (
            kind in _DAMAGE
            or (kind == _READONLY and _refuses_writing(database))
            or (kind == _IOERR and _is_unreadable(database))
        )
    if isinstance(error, sqlite3.OperationalError):
        text = str(error).lower()
        return (
            not text.startswith(_NOT_DAMAGE)
            or ("readonly" in text and _refuses_writing(database))
            or ("i/o" in text and _is_unreadable(database))
        )
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError)


def is_sound(seq: object, body: object) -> bool:
    """Whether a row of the queue is an event with its own number."""
    if not (isinstance(seq, int) and 0 < seq <= MAX_NUMBER and isinstance(body, bytes)):
        return False
    try:
        return Event.from_line(body).seq == seq
    except (ValueError, KeyError):
        return False


def name_aside(database: Path) -> Path:
    """The new name of a damaged file, such as ``events.db.damaged-2026-01-31T120000.250000Z``."""
    real = Path(os.path.realpath(database))
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H%M%S.%fZ")
    return real.with_name(f"{real.name}{_DAMAGED}{stamp}")


def put_aside(database: Path, aside: Path) -> None:
    """Renames a damaged file and its log, and removes the oldest of the files put aside earlier.

    Args:
        database: the file.
        aside: the name that ``name_aside`` returned.

    Raises:
        OSError: the file cannot be renamed.
    """
    real = Path(os.path.realpath(database))
    for ending in ("", *BESIDE):
        with contextlib.suppress(FileNotFoundError):
            real.with_name(real.name + ending).replace(aside.with_name(aside.name + ending))
    _remove_oldest(real)


def still_aside(database: Path, name: str) -> Path | None:
    """The file that was put aside under a name; None if there is none.

    If its log was not put aside yet, the log follows.
    """
    real = Path(os.path.realpath(database))
    aside = real.parent / name
    if not name.startswith(f"{real.name}{_DAMAGED}") or aside.name != name or not aside.is_file():
        return None
    if not real.exists():
        put_aside(database, aside)
    return aside


def readable_events(aside: Path) -> list[tuple[int, bytes]]:
    """The sound events of a damaged file: from the lowest number up to the damage, and from the highest down to it."""
    if not aside.is_file():
        return []
    try:
        database = sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return []
    database.text_factory = bytes
    with contextlib.closing(database):
        database.execute("PRAGMA writable_schema=ON")  # a file that is cut short is then read up to its end
        rows = list(_until_damage(database, 0, "ASC"))
        return rows + list(_until_damage(database, rows[-1][0] if rows else 0, "DESC"))


def _until_damage(database: sqlite3.Connection, above: int, order: str) -> Iterator[tuple[int, bytes]]:
    """The sound rows above a number in one direction, up to the first place that cannot be read."""
    query = f"SELECT seq, body FROM events WHERE seq > ? ORDER BY seq {order}"  # noqa: S608  ASC or DESC
    previous: int | None = None
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError, MemoryError):
        for seq, body in database.execute(query, (above,)):
            if previous is not None and (seq <= previous) == (order == "ASC"):
                return  # pages of a damaged tree may lead in circles
            previous = seq
            if is_sound(seq, body):
                yield seq, body


def _is_unreadable(database: Path) -> bool:
    """Whether the file or its log has a place that the disk cannot read, as on a worn SD card."""
    for path in (database, database.with_name(database.name + BESIDE[0])):
        try:
            with path.open("rb", buffering=0) as file:
                while file.read(_CHUNK):
                    pass
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno == errno.EIO:
                return True
    return False


def _refuses_writing(database: Path) -> bool:
    """Whether the file's header asks for a newer SQLite, which makes it read-only everywhere."""
    try:
        with database.open("rb") as file:
            header = file.read(20)
    except OSError:
        return False
    return header.startswith(_MAGIC) and len(header) == 20 and header[18] > _WAL_FORMAT  # noqa: PLR2004


def _remove_oldest(database: Path) -> None:
    """Removes the damaged files of earlier times except the newest, so that they cannot fill the disk."""
    names = sorted(database.parent.glob(f"{database.name}{_DAMAGED}*Z*"), key=lambda path: path.name)
    files = [path for path in names if not path.name.endswith(BESIDE)]
    for old in files[:-KEPT_ASIDE]:
        for ending in ("", *BESIDE):
            with contextlib.suppress(OSError):
                old.with_name(old.name + ending).unlink()
