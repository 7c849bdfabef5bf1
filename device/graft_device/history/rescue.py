"""Begins a new database after a damaged one, with the events that can still be read of it."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft_device.history import tables
from graft_device.history.queries import milliseconds
from graft_device.history.tables import COLUMNS
from graft_device.outputs.damaged_database import opened_aside, rows_until_damage
from graft_device.outputs.damaged_queue import MAX_NUMBER
from graft_device.outputs.events import Event

_KEPT = ("number", "age", "corrected", "pack", "start", "size", "checksum", "body")
_QUERY = f"SELECT {', '.join(_KEPT)} FROM events WHERE number > ? ORDER BY number"  # noqa: S608  names of columns
_BATCH = 500
_LARGEST = 1 << 40


def rescue(database: sqlite3.Connection, aside: Path) -> int:
    """Copies the events that can be read from a file that was put aside; nothing is committed.

    Args:
        database: the new database.
        aside: the damaged file.

    Returns:
        The number of events.

    Raises:
        sqlite3.Error: the new database cannot be written.
    """
    count = 0
    rows = _readable(aside)
    while batch := list(itertools.islice(rows, _BATCH)):
        tables.insert(database, batch)
        count += len(batch)
    found = database.execute("SELECT coalesce(max(number), 0), coalesce(max(age), 0) FROM events").fetchone()
    database.executemany("UPDATE counts SET value = ? WHERE name = ?", zip(found, ("last", "age")))
    return count


def _readable(aside: Path) -> Iterator[tuple[Any, ...]]:
    """The rows from the lowest number up to the damage, and from the highest down to it."""
    with contextlib.suppress(sqlite3.Error), opened_aside(aside) as damaged:
        above = 0
        for order in ("ASC", "DESC"):
            for row in rows_until_damage(damaged, _QUERY, above, order):
                above = max(above, row[0]) if order == "ASC" else above
                sound = _sound(dict(zip(_KEPT, row)))
                if sound is not None:
                    yield sound


def _sound(found: dict[str, Any]) -> tuple[Any, ...] | None:
    """A whole row of ``COLUMNS``, made from the event's JSON; None if that is damaged."""
    try:
        event = Event.from_line(found["body"])
    except (ValueError, KeyError, TypeError):
        return None
    number, age, corrected = found["number"], found["age"], found["corrected"]
    if not (0 < number < MAX_NUMBER and isinstance(age, int) and 0 <= age < _LARGEST):
        return None
    place = tuple(found[name] for name in ("pack", "start", "size", "checksum"))
    if not all(isinstance(value, int) and 0 <= value < _LARGEST for value in place):
        place = (None,) * 4
    row = (
        number, event.id, milliseconds(event.time), age, event.label, event.source, event.region, event.kind,
        event.score, corrected if isinstance(corrected, str) else None, *place, found["body"],
    )  # fmt: skip
    assert len(row) == len(COLUMNS)  # noqa: S101
    return row
