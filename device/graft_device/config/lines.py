"""Finds the line of any key of a TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Union

from graft_device.config.statements import Statement
from graft_device.config.toml import TomlError, parse_toml

KeyPath = tuple[Union[str, int], ...]
"""Where a value is, from the top of the file: names of keys, and numbers in lists from 0 on."""

_DEEPEST = 8
_MOST_LINES = 200
"""A statement of more lines has one line for all that is in it."""

_ENDINGS = ("\n]", "\n]]", "\n}]", "\n]}", "\n]}]")
"""What may be missing behind the first lines of a list, so that they can be parsed."""


class Lines:
    """The lines of all keys that statements give."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._first: dict[KeyPath, int] = {(): 1}
        self._owner: dict[KeyPath, tuple[Statement, KeyPath]] = {}
        self._inner: dict[int, dict[KeyPath, int]] = {}
        self._counts: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for statement in statements:
            if statement.header:
                table = self._entered(statement)
                continue
            for path in _paths(statement.value):
                self._note(table + path, statement)
                self._owner.setdefault(table + path, (statement, table))

    def of(self, path: KeyPath) -> int:
        """The line on which a value begins; for one that is missing, that of the table or list that it belongs to."""
        known = next(path[:size] for size in range(len(path), -1, -1) if path[:size] in self._first)
        owner = self._owner.get(known)
        if owner is None or len(owner[0].lines) == 1:
            return self._first[known]
        statement, table = owner
        inner = self._inner.setdefault(statement.first, _inner_lines(statement))
        return inner.get(known[len(table) :], self._first[known])

    def _entered(self, statement: Statement) -> KeyPath:
        """Notes a header; returns the path of its table."""
        path: KeyPath = ()
        value: Any = statement.value
        while isinstance(value, dict) and value:
            (name, value) = next(iter(value.items()))
            path = (*self._newest(path), name)
            self._note(path, statement)
        if isinstance(value, list):
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            path += (number,)
            self._note(path, statement)
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """The path of a table; of an array of tables, that of its newest table."""
        count = self._counts.get(path)
        return path if count is None else (*path, count - 1)

    def _note(self, path: KeyPath, statement: Statement) -> None:
        self._first.setdefault(path, statement.first)


def _paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of everything in a value, down to a depth that no key of ours has."""
    if path:
        yield path
    if len(path) < _DEEPEST:
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, entry in entries:
            yield from _paths(entry, (*path, name))


def _inner_lines(statement: Statement) -> dict[KeyPath, int]:
    """The lines of what is in a statement of several lines, found by ending it early after each of them."""
    found: dict[KeyPath, int] = {}
    if len(statement.lines) > _MOST_LINES:
        return found
    for count in range(1, len(statement.lines) + 1):
        text = "\n".join(statement.lines[:count])
        for ending in ("", *_ENDINGS):
            try:
                value = parse_toml(text + ending)
            except TomlError:
                continue
            for path in _paths(value):
                found.setdefault(path, statement.first + count - 1)
            break
    return found
