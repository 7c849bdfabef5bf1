"""The kinds of values that keys have: how each is read from TOML, and its JSON Schema."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from graft_device.config.key import Key
from graft_device.errors import GraftError
from graft_device.system.urls import shown
from graft_device.text import printable

MISTAKEN: Any = object()
"""What is read of a value with a mistake."""

Report = Callable[[str, str, tuple[int, ...]], None]
"""Called with a mistake: what is wrong behind the name of the key, the remedy, and the place in a list."""

LONGEST_TEXT = 4000
"""Letters of one text."""

_LONGEST_SHOWN = 60


class Kind(ABC):
    """How a value is written."""

    @abstractmethod
    def read(self, value: object, report: Report) -> Any:
        """The setting that a value of TOML stands for; ``MISTAKEN`` after a report."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value."""


@dataclass(frozen=True)
class Switch(Kind):
    """true or false."""

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        return value if isinstance(value, bool) else _wrong(value, "true or false", report)

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number(Kind):
    """A number with limits; ``whole`` for one without a fraction."""

    key: Key
    whole: bool

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return _wrong(value, "a whole number" if self.whole else "a number", report)
        number = value if self.whole else _decimal(value)
        if not math.isfinite(_decimal(value)):
            report(f"{_show(value)} is not a finite number", "", ())
        elif self.key.low is not None and number < self.key.low:
            report(f"{_show(value)} is below {self.key.low:g}", "", ())
        elif self.key.high is not None and number > self.key.high:
            report(f"{_show(value)} is above {self.key.high:,g}".replace(",", ""), "", ())
        else:
            return number
        return MISTAKEN

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        limits = {"minimum": self.key.low, "maximum": self.key.high}
        kept = {name: limit for name, limit in limits.items() if limit is not None}
        return {"type": "integer" if self.whole else "number", **kept}


@dataclass(frozen=True)
class Text(Kind):
    """A text: any, one of a choice, or one that matches a pattern."""

    key: Key

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        if not isinstance(value, str):
            return _wrong(value, "a text in quotes", report)
        if not value or len(value) > LONGEST_TEXT or not _PLAIN.fullmatch(value):
            return _unusual(value, report)
        if self.key.choices and value not in self.key.choices:
            return self._not_a_choice(value, report)
        if self.key.pattern and not re.fullmatch(self.key.pattern, value):
            report(f"{_show(value)} is not {self.key.form}", "", ())
            return MISTAKEN
        return value

    def _not_a_choice(self, value: str, report: Report) -> Any:
        report(f"{_show(value)} does not exist", _instead(value, self.key.choices), ())
        return MISTAKEN

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        if self.key.choices:
            return {"type": "string", "enum": list(self.key.choices)}
        return {"type": "string", "minLength": 1, **_pattern(self.key.pattern)}


@dataclass(frozen=True)
class PathText(Kind):
    """A path. It is not made absolute here."""

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        text = Text(Key("")).read(value, report)
        if text is MISTAKEN:
            return text
        if text.startswith("~"):
            report(f"{_show(text)}: ~ does not stand for a home folder here", "write the whole path", ())
            return MISTAKEN
        return Path(text)

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        return {"type": "string", "minLength": 1, "pattern": "^[^~]"}


@dataclass(frozen=True)
class Parsed(Kind):
    """A text that a function reads, such as a size or a region.

    Attributes:
        parse: raises GraftError if the text is something else.
        pattern: a regular expression that all texts match which the function accepts.
        numbers: whether a whole number may stand for the text.
    """

    parse: Callable[[str], Any]
    pattern: str
    numbers: bool = False

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        if self.numbers and isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**9 else "0"
        if not isinstance(value, str):
            return _wrong(value, "a text in quotes", report)
        if len(value) > LONGEST_TEXT:
            return _unusual(value, report)
        try:
            return self.parse(value)
        except GraftError as error:
            report(f"is wrong: {error.what}", error.remedy, ())
            return MISTAKEN

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        text = {"type": "string", **_pattern(self.pattern)}
        return {"anyOf": [text, {"type": "integer", "minimum": 1, "maximum": 1000}]} if self.numbers else text


@dataclass(frozen=True)
class SwitchOrNumber(Kind):
    """true or false, or a number."""

    key: Key

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        if isinstance(value, bool):
            return value
        if not isinstance(value, (int, float)):
            return _wrong(value, "true, false or a number", report)
        return Number(self.key, whole=False).read(value, report)

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        return {"anyOf": [Switch().schema, Number(self.key, whole=False).schema]}


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of values of one kind."""

    inner: Kind

    def read(self, value: object, report: Report) -> Any:
        """See ``Kind``."""
        if not isinstance(value, list):
            return _wrong(value, "a list in brackets", report)

        def within(number: int) -> Report:
            return lambda what, remedy, place: report(what, remedy, (number, *place))

        read = [self.inner.read(entry, within(number)) for number, entry in enumerate(value)]
        return MISTAKEN if any(entry is MISTAKEN for entry in read) else tuple(read)

    @property
    def schema(self) -> dict[str, Any]:
        """See ``Kind``."""
        return {"type": "array", "items": self.inner.schema}


_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")


def suggestion(name: str, choices: tuple[str, ...] | list[str]) -> str:
    """The one of some names that a person may have meant; empty if none is close."""
    close = get_close_matches(name[:_LONGEST_SHOWN], choices, 1, 0.6)
    return close[0] if close else ""


def _instead(value: str, choices: tuple[str, ...]) -> str:
    close = suggestion(value, choices)
    return f"did you mean {close!r}?" if close else f"choose from {', '.join(choices)}"


def _pattern(expression: str) -> dict[str, str]:
    """The pattern of a whole text, as JSON Schema has it."""
    return {"pattern": f"^({expression})$"} if expression else {}


def _decimal(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _wrong(value: object, wanted: str, report: Report) -> Any:
    report(f"must be {wanted}, not {_type_of(value)}", "", ())
    return MISTAKEN


def _unusual(value: str, report: Report) -> Any:
    what = "is empty" if not value else "is too long" if len(value) > LONGEST_TEXT else "has a control character"
    report(what, "", ())
    return MISTAKEN


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = ((int, "a whole number"), (float, "a number"), (str, "a text"), (list, "a list"), (dict, "a table"))
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def _show(value: object) -> str:
    """A value for an error, short and without the password of a URL."""
    text = printable(shown(value)) if isinstance(value, str) else _digits(value)
    text = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"'{text}'" if isinstance(value, str) else text


def _digits(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_SHOWN:
        return "of so many digits"  # Python refuses to write very long ones
    return f"{value:g}" if isinstance(value, float) else str(value)
