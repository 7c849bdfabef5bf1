"""Recognizes a damaged SQLite file, puts it aside under a dated name, and reads what can still be read of it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

BESIDE = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite opens beside a database."""

KEPT_ASIDE = 3
"""How many damaged files are kept in a folder; older ones are removed."""

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
    """A file is not a sound database with the tables that it should have."""


def readably(action: Callable[[], _Answer]) -> _Answer:
    """Calls a function that uses a database.

    Raises:
        DamagedError: SQLite's message about the damage quotes it, and so is not UTF-8.
    """
    try:
        return action()
    except UnicodeDecodeError as error:
        raise DamagedError("the schema of the file is damaged") from error


def is_damage(error: Exception, database: Path) -> bool:
    """Whether an error means that a database is damaged; a full disk or a locked file is no damage.

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


def newest_aside(database: Path) -> Path | None:
    """The file that was put aside last; None if there is none."""
    files = _put_aside(Path(os.path.realpath(database)))
    return files[-1] if files else None


def remove_aside(database: Path) -> None:
    """Removes all files that were put aside."""
    _remove(_put_aside(Path(os.path.realpath(database))))


@contextlib.contextmanager
def opened_aside(aside: Path) -> Iterator[sqlite3.Connection]:
    """Opens a file that was put aside for ``rows_until_damage``; raises sqlite3.Error where that is not possible."""
    with contextlib.closing(sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.execute("PRAGMA writable_schema=ON")  # a file that is cut short is then read up to its end
        yield database


def rows_until_damage(database: sqlite3.Connection, query: str, above: int, order: str) -> Iterator[tuple[Any, ...]]:
    """The rows above a key in one direction, up to the first place that cannot be read.

    Args:
        database: from ``opened_aside``.
        query: selects rows whose first column is the key, an INTEGER PRIMARY KEY; its one parameter is the lower bound,
            which is not included.
        above: that bound.
        order: ``ASC`` or ``DESC``.
    """
    previous: int | None = None
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError, MemoryError):
        for row in database.execute(f"{query} {order}", (above,)):
            if previous is not None and (row[0] <= previous) == (order == "ASC"):
                return  # pages of a damaged tree may lead in circles
            previous = row[0]
            yield row


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
    _remove(_put_aside(database)[:-KEPT_ASIDE])


def _remove(files: list[Path]) -> None:
    for old in files:
        for ending in ("", *BESIDE):
            with contextlib.suppress(OSError):
                old.with_name(old.name + ending).unlink()


def _put_aside(database: Path) -> list[Path]:
    """The files that were put aside, the oldest first."""
    names = sorted(database.parent.glob(f"{database.name}{_DAMAGED}*Z*"), key=lambda path: path.name)
    return [path for path in names if not path.name.endswith(BESIDE)]
