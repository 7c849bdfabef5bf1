"""Reads a TOML file: its values, and the line of every one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from graft_device.config.lines import KeyPath, Lines
from graft_device.config.mistakes import ConfigError, Mistake, mistake_at
from graft_device.config.statements import MOST_FAULTS, Fault, Splitter, Statement
from graft_device.config.toml import TomlError, parse_toml
from graft_device.errors import os_reason
from graft_device.system.plain import read_plain

LARGEST = 1_000_000
"""Bytes of a file."""


class Document:
    """A file that was read.

    Attributes:
        data: the values of all statements that are TOML.
        faults: the mistakes in the file's TOML.
        whole: whether ``data`` is all that the file says.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.faults: tuple[Mistake, ...] = ()
        self.whole = True
        try:
            self.data: dict[str, Any] = parse_toml(text)
        except TomlError as error:
            self.whole = False
            self.data = self._rescued(error)

    def line(self, path: KeyPath) -> int:
        """The line of a value; of a missing one, that of what it belongs to."""
        return self._lines.of(path)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(Splitter(self._text).split().sound)

    def _rescued(self, error: TomlError) -> dict[str, Any]:
        """Finds all lines that are not TOML; returns what the others say, or nothing where that would mislead."""
        parts = Splitter(self._text).split()
        faults, sound = list(parts.faults), list(parts.sound)
        while len(faults) < MOST_FAULTS:
            conflict = _conflict(sound)
            if conflict is None:
                break
            sound.remove(conflict.statement)
            faults.append(Fault(conflict.statement.first, conflict.reason, not conflict.statement.header))
            if conflict.statement.header:
                break  # the keys below it would be taken for those of the table above
        if not faults:
            faults = [Fault(1, error.what, bounded=False)]
        self.faults = tuple(mistake_at(fault.line, f"this is not TOML: {fault.reason}") for fault in faults)
        if len(faults) >= MOST_FAULTS or not all(fault.bounded for fault in faults):
            return {}
        self._text = _text(sound)
        return parse_toml(self._text)


@dataclass(frozen=True)
class _Conflict:
    statement: Statement
    reason: str


def _conflict(statements: list[Statement]) -> _Conflict | None:
    """The first statement that contradicts those before it, such as a key that is given twice, found by bisection."""
    sound, broken = 0, len(statements)
    reason = _reason(statements)
    if reason is None:
        return None
    while broken - sound > 1:
        middle = (sound + broken) // 2
        reason_there = _reason(statements[:middle])
        if reason_there is None:
            sound = middle
        else:
            broken, reason = middle, reason_there
    return _Conflict(statements[broken - 1], reason)


def _reason(statements: list[Statement]) -> str | None:
    """Why statements cannot stand together; None if they can."""
    try:
        parse_toml(_text(statements))
    except TomlError as error:
        return error.what
    return None


def _text(statements: list[Statement]) -> str:
    """The text of statements, each on its own lines."""
    lines: list[str] = []
    for statement in statements:
        lines += [""] * (statement.first - 1 - len(lines))
        lines += statement.lines
    return "\n".join(lines)


def read_document(file: Path) -> Document:
    """Reads a file.

    Raises:
        ConfigError: it cannot be read, is too large, or is not text in UTF-8.
        TomlMissingError: this Python has no reader of TOML.
    """
    try:
        data = read_plain(file, LARGEST)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {os_reason(error)}", "", file) from error
    except ValueError as error:
        raise ConfigError("the name of the file contains a NUL", "", file) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistake = Mistake(line, "this is not text in UTF-8", "save the file in UTF-8")
        raise ConfigError(f"{file}:{line}: {mistake.what}", mistake.remedy, file, [mistake]) from error
    return Document(text.replace("\r\n", "\n"))
