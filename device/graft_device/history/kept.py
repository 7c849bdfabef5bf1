"""Reads the history: from any thread or process, while a run writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from graft_device.errors import GraftError, why
from graft_device.history import packs, tables
from graft_device.history.pictures import encoded, thumbnail
from graft_device.history.queries import MOST_EVENTS, EventPage, EventQuery, HistoryError
from graft_device.history.tables import DATABASE, Row
from graft_device.history.waiting import Waiting, WaitingEvents

_MOST_LISTED = 5000
_Answer = TypeVar("_Answer")


class Kept:
    """The events and pictures of a folder, and those of this process's run that are not on disk yet.

    Each question opens the database anew, so several threads may ask at the same time.

    Examples:
        >>> Kept(Path("events")).page(EventQuery(label="cat", limit=10)).events  # doctest: +SKIP
    """

    def __init__(self, folder: Path, waiting: WaitingEvents | None = None) -> None:
        """Opens nothing yet.

        Args:
            folder: where the history is.
            waiting: the events of this process that are not on disk yet; None for none.
        """
        self._folder = folder
        self._waiting = waiting
        self._listed: dict[str, int] = {}

    @property
    def exists(self) -> bool:
        """Whether the folder has the database of a history."""
        return (self._folder / DATABASE).is_file()

    def page(self, query: EventQuery) -> EventPage:
        """The newest events that a query wants, the newest first.

        Raises:
            HistoryError: the history cannot be read now, or the limit is out of range.
        """
        if not 1 <= query.limit <= MOST_EVENTS:
            raise HistoryError(f"a limit of {query.limit} events", f"ask for 1 to {MOST_EVENTS}")
        limit = query.limit + 1
        given = self._given()
        newest = [one for one in self._snapshot() if query.matches(one.number, one.event, one.corrected)][-limit:]
        rows: list[Row] = self._ask(lambda file: tables.select(file, query, limit), [])
        stored = {row.number: row for row in rows}
        self._remember(rows)
        for one in newest:  # after the database: an event that was written in between is in both
            stored.setdefault(one.number, _as_row(one))
        pictured = {one.number for one in newest if _has_picture(one)}
        numbers = sorted(stored, reverse=True)[: query.limit]
        events = tuple(_as_json(stored[number], number in pictured, given) for number in numbers)
        return EventPage(events, numbers[-1] if len(stored) > query.limit else None)

    def event(self, event_id: str) -> dict[str, Any] | None:
        """An event as in ``EventPage.events``; None if it is not kept.

        Raises:
            HistoryError: the history cannot be read now.
        """
        one = self._in_memory(event_id)
        if one is not None:
            return _as_json(_as_row(one), _has_picture(one), {})
        given = self._given()
        row = self._stored(event_id)
        return None if row is None else _as_json(row, pictured=False, given=given)

    def picture(self, event_id: str) -> bytes | None:
        """The picture of an event as JPEG; None if none is kept, or if it is damaged.

        Raises:
            HistoryError: the history cannot be read now.
        """
        one = self._in_memory(event_id)
        if one is not None:
            return _encoded_now(one)
        row = self._stored(event_id)
        return None if row is None or row.place is None else packs.read(self._folder, row.place)

    def thumbnail(self, event_id: str) -> bytes | None:
        """The picture of an event as a JPEG of at most 160 pixels a side; None where ``picture`` is None.

        It is made each time: keeping it would add a tenth to what is written, and making it takes milliseconds.

        Raises:
            HistoryError: the history cannot be read now.
        """
        picture = self.picture(event_id)
        try:
            return None if picture is None else thumbnail(picture)
        except (GraftError, MemoryError):
            return None

    def number(self, event_id: str) -> int | None:
        """The number of an event on disk; None if it is not there.

        Raises:
            HistoryError: the history cannot be read now.
        """
        row = self._stored(event_id)
        return None if row is None else row.number

    def _given(self) -> Mapping[int, str]:
        """The labels that people gave and that are not on disk yet.

        They are taken before the database is asked: one that is written in between would be in neither afterwards.
        """
        return {} if self._waiting is None else self._waiting.corrections()

    def _snapshot(self) -> list[Waiting]:
        return [] if self._waiting is None else self._waiting.snapshot()

    def _in_memory(self, event_id: str) -> Waiting | None:
        return next((one for one in reversed(self._snapshot()) if one.event.id == event_id), None)

    def _stored(self, event_id: str) -> Row | None:
        number = self._listed.get(event_id)
        return self._ask(lambda file: tables.find(file, event_id, number), None)

    def _remember(self, rows: list[Row]) -> None:
        """Remembers where events are that were listed: their pictures are likely to be asked for."""
        if len(self._listed) > _MOST_LISTED:
            self._listed = {}
        self._listed.update({str(row.values.get("id")): row.number for row in rows})

    def _ask(self, question: Callable[[sqlite3.Connection], _Answer], none: _Answer) -> _Answer:
        """Asks the database; ``none`` is the answer while there is no database yet."""
        if not self.exists:
            return none
        try:
            with tables.open_for_reading(self._folder) as database:
                return question(database) if tables.is_made(database) else none
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if self._waiting is not None and not isinstance(error, sqlite3.OperationalError):
                self._waiting.suspect()
            raise HistoryError(f"cannot read the events in {self._folder}: {why(error)}", "try again") from error


def _as_json(row: Row, pictured: bool, given: Mapping[int, str]) -> dict[str, Any]:
    label = given.get(row.number, row.corrected)
    corrected = {} if label is None else {"corrected": label}
    return {**row.values, "picture": pictured or row.place is not None, **corrected}


def _as_row(one: Waiting) -> Row:
    return Row(one.number, one.event.to_json(), None, one.corrected)


def _has_picture(one: Waiting) -> bool:
    return one.picture is not None or one.raw is not None


def _encoded_now(one: Waiting) -> bytes | None:
    try:
        return one.picture if one.raw is None else encoded(one.raw)
    except (GraftError, MemoryError):
        return None
