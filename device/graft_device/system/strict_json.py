"""Parses JSON from files and processes that are not trusted: every number is finite, and nesting is limited."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 32
"""Levels of arrays and objects; what graftkit writes has six."""

MOST_VALUES = 500_000
"""Values in one text: each takes some 100 bytes of memory, but only two in the text."""

_MOST_DIGITS = 300
"""Of a whole number: with more, it would not fit into a float."""


def parse_json(text: str) -> Any:
    """Parses a text.

    Raises:
        ValueError: the text is not JSON, has a number that is not finite, too many values or too many levels, or has
            half a surrogate pair, which cannot be written as UTF-8.
    """
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_not_finite)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check(value)
    return value


def _check(value: Any) -> None:
    """Walks through a value without recursion, level by level."""
    level = [value]
    for _ in range(DEEPEST + 1):
        for entry in level:
            if isinstance(entry, str):
                entry.encode("utf-8")
        inner: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                inner += entry
                inner += entry.values()
            elif isinstance(entry, list):
                inner += entry
        if not inner:
            return
        level = inner
    raise ValueError(_TOO_DEEP)


_TOO_DEEP = f"nested more than {DEEPEST} levels deep"


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
