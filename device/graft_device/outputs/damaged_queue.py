"""Rescues the events that can still be read from the damaged file of a queue."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from graft_device.outputs.damaged_database import opened_aside, rows_until_damage
from graft_device.outputs.events import Event

MAX_NUMBER = 2**53 - 1
"""The highest number of an event that every reader of JSON keeps exactly."""

_QUERY = "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq"


def is_sound(seq: object, body: object) -> bool:
    """Whether a row of the queue is an event with its own number."""
    if not (isinstance(seq, int) and 0 < seq <= MAX_NUMBER and isinstance(body, bytes)):
        return False
    try:
        return Event.from_line(body).seq == seq
    except (ValueError, KeyError):
        return False


def readable_events(aside: Path) -> list[tuple[int, bytes]]:
    """The sound events of a damaged file: from the lowest number up to the damage, and from the highest down to it."""
    if not aside.is_file():
        return []
    try:
        with opened_aside(aside) as database:
            database.text_factory = bytes
            rows = [row for row in rows_until_damage(database, _QUERY, 0, "ASC") if is_sound(*row)]
            above = rows[-1][0] if rows else 0
            rows += [row for row in rows_until_damage(database, _QUERY, above, "DESC") if is_sound(*row)]
    except sqlite3.Error:
        return []
    return [(seq, body) for seq, body in rows]
