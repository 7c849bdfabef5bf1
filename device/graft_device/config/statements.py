"""Splits TOML into its statements, with the line of each, by parsing growing groups of lines.

Python's reader of TOML gives no lines. A statement is a header such as ``[http]``, or a key with its value, and ends at
the end of a line. So the first group of lines from a statement's start that can be parsed on its own is that statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graft_device.config.toml import TomlError, parse_toml

MOST_FAULTS = 20
"""After so many lines that are not TOML no more are collected."""

_MOST_PARSED = 2_000_000
"""Letters that are parsed to find the ends of statements of several lines; a usual file needs some thousand."""

_OPENERS = ("[", "{", '"""', "'''")
_CLOSERS = ("]", "}", '"""', "'''")


@dataclass(frozen=True)
class Statement:
    """A header, or a key with its value.

    Attributes:
        first: the line on which it begins, from 1 on.
        lines: its lines.
        value: what it is on its own.
    """

    first: int
    lines: tuple[str, ...]
    value: dict[str, Any]

    @property
    def header(self) -> bool:
        """Whether it is ``[table]`` or ``[[array]]``."""
        return self.lines[0].lstrip().startswith("[")


@dataclass(frozen=True)
class Fault:
    """A place that is not TOML.

    Attributes:
        line: the line, from 1 on.
        reason: what the reader of TOML says about it.
        bounded: whether the statements after it are understood all the same.
    """

    line: int
    reason: str
    bounded: bool


@dataclass
class Statements:
    """What a text consists of.

    Attributes:
        sound: the statements that are TOML on their own, in order.
        faults: the lines that are not.
    """

    sound: list[Statement] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Splitter:
    """Splits one text; the letters that it parses are limited."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._left = _MOST_PARSED

    def split(self) -> Statements:
        """All statements of the text, and the lines that are not TOML."""
        found = Statements()
        at, lost = 0, False
        while at < len(self._lines) and len(found.faults) < MOST_FAULTS:
            if not self._lines[at].strip():
                at += 1
                continue
            statement = self._statement(at, grow=not lost)
            if statement is not None:
                found.sound.append(statement)
                at, lost = at + len(statement.lines), False
                continue
            if not lost:
                found.faults.append(self._fault(at))
                lost = _opens(self._lines[at])
            at += 1
        return found

    def _statement(self, at: int, *, grow: bool) -> Statement | None:
        """The statement that begins at a line, counted from 0; None if there is none."""
        for end in self._ends(at) if grow else (at,):
            lines = self._lines[at : end + 1]
            text = "\n".join(lines)
            self._left -= len(text)
            try:
                return Statement(at + 1, tuple(lines), parse_toml(text))
            except TomlError:
                continue
        return None

    def _ends(self, at: int) -> Iterator[int]:
        """The lines at which a statement may end: its first, and later ones that close what the first opens."""
        yield at
        if not _opens(self._lines[at]) or self._lines[at].lstrip().startswith("["):
            return
        for end in range(at + 1, len(self._lines)):
            if self._left <= 0:
                return
            if any(closer in self._lines[end] for closer in _CLOSERS):
                yield end

    def _fault(self, at: int) -> Fault:
        line = self._lines[at]
        bounded = not _opens(line)
        try:
            parse_toml("\n" * at + line)
        except TomlError as error:
            return Fault(at + 1, error.what, bounded)
        return Fault(at + 1, "the value does not end", bounded)


def _opens(line: str) -> bool:
    """Whether a line may begin something that goes on in the next line, or in all lines up to the next header."""
    return any(opener in line for opener in _OPENERS)
