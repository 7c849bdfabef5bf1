"""The database of the history: its table, how it is opened, and how it is asked."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.history.packs import Place
from graft_device.history.queries import EventQuery
from graft_device.outputs.damaged_database import BESIDE, DamagedError
from graft_device.outputs.events import Event
from graft_device.system.plain import check_plain_if_there

DATABASE = "events.db"

PAGE_BYTES = 2048
"""Of the database. Smaller pages mean fewer bytes written with each group; below that, the journal of the disk's file
system outweighs what is saved (``benchmarks/event_bytes``)."""

_PATIENCE_S = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, time INTEGER NOT NULL, age INTEGER NOT NULL, label TEXT NOT NULL,
    source TEXT NOT NULL, region TEXT, kind TEXT NOT NULL, score REAL NOT NULL, corrected TEXT,
    pack INTEGER, start INTEGER, size INTEGER, checksum INTEGER, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_time ON events (time, id);
CREATE INDEX IF NOT EXISTS by_label ON events (label);
CREATE INDEX IF NOT EXISTS by_corrected ON events (corrected) WHERE corrected IS NOT NULL;
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counts VALUES ('last', 0), ('age', 0), ('clock', 0);
"""
COLUMNS = (
    "number", "id", "time", "age", "label", "source", "region", "kind", "score", "corrected", "pack", "start", "size",
    "checksum", "body",
)  # fmt: skip
_INSERT = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECTED = "SELECT number, corrected, pack, start, size, checksum, body FROM events"
_SETTINGS = (
    f"page_size={PAGE_BYTES}",
    "auto_vacuum=INCREMENTAL",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=OFF",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-2000",
    "mmap_size=0",
)
"""A write-ahead log with few syncs spares SD cards: nothing is lost when the process dies. See also ``event_store``."""


@dataclass(frozen=True)
class Row:
    """An event as it is stored.

    Attributes:
        number: its place in the history; the event's number, or a higher one where that is taken.
        values: the event's JSON.
        place: where its picture is; None for none.
        corrected: the label that a person gave.
    """

    number: int
    values: dict[str, Any]
    place: Place | None
    corrected: str | None


def open_for_writing(folder: Path, log_pages: int) -> sqlite3.Connection:
    """Opens or creates the database.

    Args:
        folder: where it is.
        log_pages: at how many pages the log is moved into the database.

    Raises:
        DamagedError: the file is no database of a history.
        sqlite3.Error: it cannot be opened, or SQLite finds it damaged.
        OSError: one of its files is a pipe or a device.
    """
    path = folder / DATABASE
    if path.is_dir():
        raise DamagedError(f"{path} is a folder")
    check_plain_if_there(path, *(path.with_name(path.name + ending) for ending in BESIDE))
    database = sqlite3.connect(path, timeout=_PATIENCE_S, check_same_thread=False)
    try:
        limits = (f"wal_autocheckpoint={log_pages}", f"journal_size_limit={log_pages * PAGE_BYTES}")
        for pragma in (*_SETTINGS, *limits):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.executescript(_TABLES)
        found = [name for _, name, *_ in database.execute("PRAGMA table_info(events)")]
        if found != list(COLUMNS):
            raise DamagedError("the table events has other columns")
    except BaseException:
        database.close()
        raise
    return database


def check(database: sqlite3.Connection) -> None:
    """Reads the whole database; raises DamagedError if its pages contradict each other."""
    if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise DamagedError("the pages of the file contradict each other")


@contextlib.contextmanager
def open_for_reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """Opens the database for one question. The connection is closed at the end of the ``with`` block.

    Raises:
        sqlite3.Error: it cannot be opened, for example because there is none.
    """
    address = f"{(folder / DATABASE).absolute().as_uri()}?mode=ro"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(contextlib.closing(_connected(address)))
        try:
            is_made(database)
        except sqlite3.OperationalError:
            if (folder / f"{DATABASE}-wal").exists():
                raise
            # Nobody writes, and this user may not create the log that SQLite would begin even to read.
            database = stack.enter_context(contextlib.closing(_connected(f"{address}&immutable=1")))
        yield database


def _connected(address: str) -> sqlite3.Connection:
    database = sqlite3.connect(address, uri=True, timeout=_PATIENCE_S)
    for pragma in ("trusted_schema=OFF", "query_only=ON"):
        database.execute(f"PRAGMA {pragma}")
    return database


def is_made(database: sqlite3.Connection) -> bool:
    """Whether the table is there; a full disk may keep a run from making it."""
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone() is not None


def insert(database: sqlite3.Connection, rows: Iterable[Sequence[object]]) -> None:
    """Adds rows of ``COLUMNS``."""
    database.executemany(_INSERT, rows)


def select(database: sqlite3.Connection, query: EventQuery, limit: int) -> list[Row]:
    """The newest events that a query wants; damaged ones are left out."""
    if query.label is None:
        rows = _rows(database, query, "")
    else:  # one after the other: both conditions together would keep SQLite from its indexes
        as_given = _rows(database, query, "label = ? AND corrected IS NULL")
        as_corrected = _rows(database, query, "corrected = ?")
        rows = heapq.merge(as_given, as_corrected, key=lambda row: -row.number)
    return list(itertools.islice(rows, limit))


def _rows(database: sqlite3.Connection, query: EventQuery, label: str) -> Iterator[Row]:
    """The events that a query wants, the newest first; ``label`` is the condition on the label, empty for none."""
    conditions, values = _conditions(query)
    if label:
        conditions, values = [label, *conditions], [query.label, *values]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = map(_row, database.execute(f"{_SELECTED}{where} ORDER BY number DESC", values))
    return (row for row in rows if row is not None)


def find(database: sqlite3.Connection, event_id: str, number: int | None) -> Row | None:
    """The event with an id; the newest one if there are several.

    The ids are searched where they are in order of time: an index of their own would be written all over with each
    group of events, since they are random.

    Args:
        database: from ``open_for_reading``.
        event_id: the id.
        number: the number that an event with this id had when it was listed; None if it is not known.
    """
    if number is None:
        statement = "SELECT max(number) FROM events INDEXED BY by_time WHERE id = ?"
        number = database.execute(statement, (event_id,)).fetchone()[0]
    if number is None:
        return None
    found = database.execute(f"{_SELECTED} WHERE number = ? AND id = ?", (number, event_id)).fetchone()
    return None if found is None else _row(found)


def _conditions(query: EventQuery) -> tuple[list[str], list[object]]:
    """The conditions of a query, except that on the label.

    Only the label has an index: each further one would add a tenth to what is written, and reading 100,000 events
    from the newest on takes a tenth of a second.
    """
    conditions, values = [], list[object]()
    texts = (("region", query.region), ("source", query.source), ("kind", query.kind))
    for column, text in texts:
        if text is not None:
            conditions.append(f"{column} = ?")
            values.append(text)
    if query.min_score is not None:
        conditions.append("score >= ?")
        values.append(query.min_score)
    if query.before is not None:
        conditions.append("number < ?")
        values.append(query.before)
    for moment, compared, outermost in ((query.since, ">=", "min"), (query.until, "<=", "max")):
        if moment is not None:  # times may be out of order, since a clock may jump
            bound = f"SELECT {outermost}(number) FROM events INDEXED BY by_time WHERE time {compared} ?"  # noqa: S608
            conditions.append(f"+time {compared} ? AND number {compared} ({bound})")
            values += [moment * 1000] * 2
    return conditions, values


def _row(found: tuple[Any, ...]) -> Row | None:
    """A selected row; None for one that holds no event."""
    number, corrected, pack, start, size, checksum, body = found
    try:
        values = Event.from_line(body).to_json()
    except (ValueError, KeyError, TypeError):
        return None
    place = None if pack is None else Place(pack, start, size, checksum)
    return Row(number, values, place, corrected)
