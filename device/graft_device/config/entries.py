"""Reads the tables of a file: unknown and missing keys, wrong types, and numbers out of range are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_device.config.document import Document
from graft_device.config.kinds import MISTAKEN, suggestion
from graft_device.config.lines import KeyPath
from graft_device.config.mistakes import MOST, Mistake, mistake_at
from graft_device.config.tables import Table, all_tables, board
from graft_device.text import printable

_LONGEST_NAME = 60


@dataclass(frozen=True)
class Entry:
    """A table as it was read.

    Attributes:
        path: where it is in the file.
        label: what errors call it, such as ``source 'door'``; empty for the top of the file.
        values: the settings that it gives, by their fields; only those without a mistake.
        given: the names of all its keys.
        inner: the tables in it by their names; those that are no array are lists of one.
    """

    path: KeyPath
    label: str
    values: Mapping[str, Any]
    given: frozenset[str]
    inner: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Entry, ...]:
        """The tables of a name; none if there are none."""
        return self.inner.get(name, ())


class Checker:
    """Collects the mistakes of a document.

    Attributes:
        mistakes: in the order in which they were found.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        """Begins with what is wrong with the document's TOML.

        Args:
            document: what the file contains.
            folder: where it is; its relative paths are in this folder.
        """
        self.mistakes: list[Mistake] = list(document.faults)
        self._document = document
        self._folder = folder

    def report(self, entry: Entry, place: KeyPath, what: str, remedy: str = "") -> None:
        """Adds a mistake in a table.

        Args:
            entry: the table.
            place: where in the table it is: a key, and numbers in its list.
            what: what is wrong.
            remedy: what to do about it.
        """
        self._add(entry.path + place, entry.label, what, remedy)

    def read(self) -> Entry:
        """Reads the whole file."""
        return self._table(self._document.data, board(), (), "")

    def _add(self, path: KeyPath, label: str, what: str, remedy: str = "") -> None:
        if len(self.mistakes) < MOST:
            line = self._document.line(path)
            self.mistakes.append(mistake_at(line, f"{label}: {what}" if label else what, remedy))

    def _table(self, raw: Mapping[str, Any], table: Table, path: KeyPath, label: str) -> Entry:
        kind = raw.get("kind")
        variant = table.variants.get(kind) if isinstance(kind, str) else None
        if table.variants and variant is None:  # of an unknown kind: its other keys cannot be judged
            raw = {name: value for name, value in raw.items() if name in table.keys}
        table = variant or table
        values: dict[str, Any] = {}
        inner: dict[str, tuple[Entry, ...]] = {}
        for name, value in raw.items():
            if len(self.mistakes) >= MOST:
                break
            if name in table.keys:
                self._value(value, table, (*path, name), label, values)
            elif name in table.tables or name in table.arrays:
                inner[name] = self._inner(value, table, (*path, name), label)
            else:
                self._unknown(name, value, table, path, label)
        for name, key in table.keys.items():
            if key.required and name not in raw and self._document.whole:
                example = f", such as {name} = {key.key.example}" if key.key.example else ""
                self._add(path, label, f"{name} is missing", f"add it{example}")
        return Entry(path, label, values, frozenset(raw), inner)

    def _value(self, value: Any, table: Table, path: KeyPath, label: str, values: dict[str, Any]) -> None:
        name = str(path[-1])
        key = table.keys[name]

        def report(what: str, remedy: str, place: tuple[int, ...]) -> None:
            self._add(path + place, label, f"{name} {what}", remedy)

        read = key.kind.read(value, report)
        if read == () and key.required:
            report("is empty", "", ())
        elif read is not MISTAKEN:
            beside = isinstance(read, Path) and not key.key.written
            values[key.field] = self._folder / read if beside else read

    def _inner(self, value: Any, table: Table, path: KeyPath, label: str) -> tuple[Entry, ...]:
        name = str(path[-1])
        if name in table.tables:
            if isinstance(value, dict):
                return (self._table(value, table.tables[name], path, name),)
            self._add(path, label, f"{name} must be a table", f"write {table.tables[name].title} above its keys")
            return ()
        inner = table.arrays[name]
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self._add(path, label, f"{name} must be an array of tables", f"write {inner.title} above the keys of each")
            return ()
        entries = []
        for number, entry in enumerate(value):
            own = f"{name} {_named(entry, number)}"
            entries.append(self._table(entry, inner, (*path, number), f"{label}, {own}" if label else own))
        return tuple(entries)

    def _unknown(self, name: str, value: Any, table: Table, path: KeyPath, label: str) -> None:
        shown = printable(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")
        what = f"there is no key {shown!r}" if not isinstance(value, (dict, list)) else f"there is no {shown!r}"
        here = f" in {table.title}" if table.title else " at the top of the file" if not path else ""
        self._add((*path, name), label, f"{what}{here}", _remedy(name, table))


def _named(raw: Mapping[str, Any], number: int) -> str:
    """What a table of an array is called: its name in quotes, or its number from 1 on."""
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        return str(number + 1)
    return repr(printable(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"))


def _remedy(name: str, table: Table) -> str:
    """Which key a person may have meant instead of one that the table does not have."""
    dashed = name.replace("_", "-")
    if dashed in table.names:
        return f"did you mean {dashed!r}?"
    homes = dict.fromkeys(each.title for each in all_tables() if dashed in each.names)
    if homes:
        titles = " or ".join(title or "the top of the file, above all tables" for title in homes)
        return f"it is a key of {titles}"
    close = suggestion(dashed, table.names)
    if close:
        return f"did you mean {close!r}?"
    return f"choose from {', '.join(table.names)}"
