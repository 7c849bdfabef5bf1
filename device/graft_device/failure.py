"""An error as a line of JSON, from one program to another: a child process to its parent, a board to a workstation."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from graft_device.errors import GraftError, why

ENVIRONMENT = {"GRAFT_ERRORS": "json"}
"""Environment with which the command line reports an error as such a line instead of ``error: …``."""

_MARK = "graft-error "


@dataclass(frozen=True)
class Failure:
    """An error of another process.

    Attributes:
        what: what is wrong.
        remedy: what to do about it. Empty where nothing is known.
        kind: the name of the error's class.
    """

    what: str
    remedy: str = ""
    kind: str = ""

    def __str__(self) -> str:
        """Both fields in one line, as for ``GraftError``."""
        return str(GraftError(self.what, self.remedy))

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describes an error; one that is not ours has no remedy."""
        kind = type(error).__name__
        if isinstance(error, GraftError):
            return cls(_one_line(error.what), _one_line(error.remedy), kind)
        return cls(_one_line(why(error) if isinstance(error, Exception) else str(error)) or kind, "", kind)

    @classmethod
    def read(cls, text: str) -> Failure | None:
        """Finds the last error that a program wrote among its output; None where it wrote none."""
        for line in reversed(text.splitlines()):
            if line.startswith(_MARK):
                return cls._parsed(line[len(_MARK) :])
        return None

    @classmethod
    def _parsed(cls, text: str) -> Failure | None:
        """The error that a text describes; None for another text, which a hostile file can make a program write."""
        try:
            fields = json.loads(text)
            values = [fields[name] for name in ("what", "remedy", "kind")]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return cls(*values) if all(isinstance(value, str) for value in values) else None

    def line(self) -> str:
        """The line for the other program, in ASCII and without a line break."""
        return _MARK + json.dumps({"what": self.what, "remedy": self.remedy, "kind": self.kind})


def wanted_as_json() -> bool:
    """Whether this process was started by a program that reads its errors."""
    return os.environ.get("GRAFT_ERRORS") == ENVIRONMENT["GRAFT_ERRORS"]


def _one_line(text: str) -> str:
    return " ".join(text.split())
