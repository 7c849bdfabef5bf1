"""Reads the query parameters of ``GET /v1/events``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import QueryParams

from graft_device.config.sinks import KINDS
from graft_device.errors import GraftError
from graft_device.history.queries import MOST_EVENTS, EventQuery, moment
from graft_device.serve.problems import ProblemError

_DIGITS = 15
_LONGEST = 1000


def read_event_query(query: QueryParams) -> EventQuery:
    """Reads and checks the parameters of a request.

    Raises:
        ProblemError: 422, a parameter does not exist, is given twice or has a wrong value.
    """
    found: dict[str, Any] = {}
    for name, value in query.multi_items():
        if name not in _READERS:
            raise ProblemError(422, f"there is no parameter {name!r}; choose one of {', '.join(_READERS)}")
        if len(query.getlist(name)) > 1:
            raise ProblemError(422, f"{name} is given more than once")
        if len(value) > _LONGEST:
            raise ProblemError(422, f"{name} has more than {_LONGEST} characters")
        found[name] = _READERS[name](name, value)
    return EventQuery(**found)


def _text(_: str, value: str) -> str:
    return value


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        raise ProblemError(422, f"{name} is {value!r}; give a whole number")
    return int(value)


def _limit(name: str, value: str) -> int:
    number = _number(name, value)
    if not 1 <= number <= MOST_EVENTS:
        raise ProblemError(422, f"{name} is {value!r}; give a number from 1 to {MOST_EVENTS}")
    return number


def _kind(name: str, value: str) -> str:
    if value not in KINDS:
        raise ProblemError(422, f"{name} is {value!r}; choose one of {', '.join(KINDS)}")
    return value


def _score(name: str, value: str) -> float:
    try:
        score = float(value)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise ProblemError(422, f"{name} is {value!r}; give a number from 0 to 1")
    return score


def _moment(name: str, value: str) -> float:
    try:
        return moment(value)
    except GraftError as error:
        raise ProblemError(422, f"{name}: {error}") from None


_READERS: dict[str, Callable[[str, str], Any]] = {
    "limit": _limit,
    "before": _number,
    "label": _text,
    "source": _text,
    "region": _text,
    "kind": _kind,
    "min_score": _score,
    "since": _moment,
    "until": _moment,
}
