"""The mistakes in a file: each with its line, and all of them in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError
from graft_device.text import printable

MOST = 100
"""After so many mistakes no more are collected."""

_LONGEST = 400


@dataclass(frozen=True)
class Mistake:
    """One mistake in a file.

    Attributes:
        line: the line that it is in, from 1 on.
        what: what is wrong, as one clause.
        remedy: what to do about it; empty where ``what`` already makes it plain.
    """

    line: int
    what: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)

    def at(self, file: Path) -> str:
        """The mistake with the file and the line in front, as compilers write it."""
        return printable(f"{file}:{self.line}: {self.what}" + (f"; {self.remedy}" if self.remedy else ""))


def mistake_at(line: int, what: str, remedy: str = "") -> Mistake:
    """A mistake whose texts are printable, and cut where they repeat a very long text of the file."""
    texts = (printable(text) for text in (what, remedy))
    return Mistake(line, *(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in texts))


class ConfigError(GraftError):
    """A file cannot be used.

    Attributes:
        file: the file.
        mistakes: all of its mistakes in the order of their lines; empty if the file cannot be read at all.
    """

    def __init__(self, what: str, remedy: str = "", file: Path = Path(), mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(what, remedy)
        self.file = file
        self.mistakes = tuple(mistakes)


def error_of(file: Path, mistakes: Sequence[Mistake]) -> ConfigError:
    """The error for a file with these mistakes. Its text is the first one, and how many more there are."""
    ordered = sorted(mistakes, key=lambda mistake: mistake.line)
    first, more = ordered[0], len(ordered) - 1
    place = printable(f"{file}:{first.line}: {first.what}")
    if not more:
        return ConfigError(place, printable(first.remedy), file, ordered)
    counted = "1 more mistake" if more == 1 else f"{more} more mistakes"
    return ConfigError(
        f"{place} (and {counted})", f"see all: graft-device config check {printable(file)}", file, ordered
    )
