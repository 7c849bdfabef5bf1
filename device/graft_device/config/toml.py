"""Python's reader of TOML, or the package that brings it to Pythons before 3.11."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from typing import Any

from graft_device.errors import GraftError

_MOST_PARTS = 64
_LONG_KEY = re.compile(rf"^[\[\w\"' \t-]*(?:\.[\w\"' \t-]*){{{_MOST_PARTS},}}", re.MULTILINE | re.ASCII)
"""The start of a line that is a key of many parts: reading it takes time that grows with the square of their number."""


class TomlError(GraftError):
    """A text is not TOML."""


class TomlMissingError(GraftError):
    """This Python has no reader of TOML."""


def parse_toml(text: str) -> dict[str, Any]:
    """Parses a text in which no line ends with a carriage return.

    Raises:
        TomlError: it is not TOML.
        TomlMissingError: this Python is older than 3.11, and tomli is not installed.
    """
    loads = _reader()
    if _LONG_KEY.search(text):
        raise TomlError(f"a key has more than {_MOST_PARTS} parts")
    try:
        return loads(f"{text}\n")  # at the end of a line, errors have a line, too
    except RecursionError:
        raise TomlError("lists or tables are nested too deeply") from None
    except ValueError as error:
        reason = str(error)
        raise TomlError(reason[:1].lower() + reason[1:]) from error


def _reader() -> Callable[[str], dict[str, Any]]:
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        loads: Callable[[str], dict[str, Any]] = importlib.import_module(name).loads
    except ImportError as error:
        raise TomlMissingError(
            "reading a board.toml needs tomli on this version of Python",
            'install it: python3 -m pip install "tomli>=2"',
        ) from error
    return loads
