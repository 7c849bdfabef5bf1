"""SQLite files that are damaged in their bytes, or sound files with contents that nobody wrote."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutated

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

_SIDE_FILES = ("-wal", "-shm", "-journal")
_VALUES = (
    "NULL", "-1", "9223372036854775807", "1.5e308", "'text'", "x'00ff'", "''", "zeroblob(70000)", "CAST(x'ff' AS TEXT)",
)  # fmt: skip


def write(path: Path, data: bytes) -> None:
    """Puts a file in place of a database and of what belongs to it."""
    remove(path)
    path.write_bytes(data)


def remove(path: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Starts from no file, and ends with everything in the one file."""
    remove(path)
    yield
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")


def changed(data: bytes, scratch: Path, rng: random.Random) -> bytes:
    """Changes bytes or contents.

    Args:
        data: a database.
        scratch: a file to work in.
        rng: the source of all choices.
    """
    if rng.random() < 0.6:
        return mutated(data, [], rng)
    write(scratch, data)
    with (
        contextlib.suppress(sqlite3.Error, UnicodeDecodeError),
        contextlib.closing(sqlite3.connect(scratch)) as database,
    ):
        for _ in range(rng.randint(1, 3)):
            database.execute(_statement(database, rng))
            database.commit()
    return scratch.read_bytes()


def _statement(database: sqlite3.Connection, rng: random.Random) -> str:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if not tables:
        return "CREATE TABLE other (x)"
    table = rng.choice(tables)
    columns = [row[1] for row in database.execute(f"PRAGMA table_info('{table}')")]
    column, value = rng.choice(columns), rng.choice(_VALUES)
    return rng.choice(
        (
            f"UPDATE '{table}' SET {column} = {value} WHERE random() % 3 = 0",  # noqa: S608  a scratch file of ours
            f"UPDATE OR IGNORE '{table}' SET {column} = {value}",  # noqa: S608
            f"INSERT OR REPLACE INTO '{table}' SELECT {', '.join(rng.choice(_VALUES) for _ in columns)}",
            f"DELETE FROM '{table}'",  # noqa: S608
            f"DROP TABLE '{table}'",
            f"ALTER TABLE '{table}' RENAME COLUMN {column} TO renamed",
            f"ALTER TABLE '{table}' ADD COLUMN added DEFAULT 7",
            f"CREATE VIEW seen AS SELECT * FROM '{table}'",  # noqa: S608
            f"CREATE TRIGGER trap AFTER INSERT ON '{table}' BEGIN SELECT RAISE(ABORT, 'trap'); END",
            f"PRAGMA user_version = {rng.choice((1, 99, -1))}",
            "PRAGMA encoding = 'UTF-16'",
        )
    )
