"""Settings that are written as one text, such as ``640x480``: in the file and on the command line alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graft_device.config.settings import Confirm
from graft_device.errors import GraftError

MOST_VOTES = 1000
"""The largest number of answers that ``confirm`` looks back on."""

CONFIRM = r"[1-9]\d{0,3}(/[1-9]\d{0,3})?"
SIZE = r"[1-9]\d{1,4}x[1-9]\d{1,4}"
ADDRESS = r"(\[[0-9A-Fa-f:.%\w]+\]|[^\s:/\[\]]+):\d{1,5}"

_HIGHEST_PORT = 65_535


class TextError(GraftError):
    """A text does not have the form of its setting."""


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        host: the name or address of this machine, without brackets.
        port: the port; 0 for a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        """The text that ``parse_address`` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_confirm(text: str) -> Confirm:
    """Reads ``N/M``, N of the last M answers, or ``N``, which is the same as ``N/N``.

    Raises:
        TextError: the text is something else, or N is larger than M.
    """
    remedy = f"give N or N/M, such as 3/5, up to {MOST_VOTES}"
    if re.fullmatch(CONFIRM, text) is None:
        raise TextError(f"{text!r} is not a number of answers that agree", remedy)
    votes, _, window = text.partition("/")
    confirm = Confirm(int(votes), int(window or votes))
    if confirm.votes > confirm.window or confirm.window > MOST_VOTES:
        raise TextError(f"{text!r} can never be reached", remedy)
    return confirm


def parse_size(text: str) -> tuple[int, int]:
    """Reads a width and a height in pixels, as in ``640x480``; raises TextError if the text is something else."""
    if re.fullmatch(SIZE, text) is None:
        raise TextError(f"{text!r} is not a size", "write it as 640x480")
    width, _, height = text.partition("x")
    return int(width), int(height)


def parse_address(text: str) -> Address:
    """Reads ``HOST:PORT``; an IPv6 address has brackets, as in ``[::]:8080``.

    Raises:
        TextError: the text is something else.
    """
    if re.fullmatch(ADDRESS, text) is None:
        raise TextError(f"{text!r} is not an address to listen on", "give HOST:PORT, such as 0.0.0.0:8080")
    host, _, port = text.rpartition(":")
    if int(port) > _HIGHEST_PORT:
        raise TextError(f"{text!r} has no port that exists", f"give one up to {_HIGHEST_PORT}")
    return Address(host.strip("[]"), int(port))
