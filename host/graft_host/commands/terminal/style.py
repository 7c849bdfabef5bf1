"""Bold and coloured text where a person reads it, and lines that fit a narrow terminal."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

WIDTH = 80
_INDENT = 11


@dataclass(frozen=True)
class Style:
    """How text is emphasised.

    Attributes:
        coloured: whether escape codes are written; text stays as it is without them.
    """

    coloured: bool = False

    def good(self, text: str) -> str:
        """A verdict, in bold."""
        return self._coded("1", text)

    def bad(self, text: str) -> str:
        """A verdict that asks for something to be done, in bold red."""
        return self._coded("1;31", text)

    def warning(self, text: str) -> str:
        """A warning, in yellow."""
        return self._coded("33", text)

    def _coded(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and text else text


PLAIN = Style()


def style_for(stream: TextIO) -> Style:
    """The style of a stream: coloured on a terminal that can show it, unless ``NO_COLOR`` is set (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(coloured=wanted and stream.isatty())


def facts(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of a name and a text each, at most ``WIDTH`` wide; no word is broken, so a long path may be wider.

    Args:
        rows: names of up to 10 letters, and texts.
    """
    lines: list[str] = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{name:<{_INDENT}}{wrapped[0]}".rstrip(), *(f"{'':<{_INDENT}}{line}" for line in wrapped[1:])]
    return lines
