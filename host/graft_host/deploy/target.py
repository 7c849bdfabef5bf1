"""Parses the board's address on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from graft_host.deploy.errors import DeployError

_SCHEME = "ssh://"
_PLAIN = re.compile(r"(?:(?P<user>[^@:/\s]+)@)?(?P<host>\[[^\]\s]+\]|[^@:/\s]+):?")


@dataclass(frozen=True)
class Target:
    """A board's address.

    Attributes:
        host: a name that ssh knows, or a network address.
        user: the user to log in as; ssh's default when None.
        port: the port of the board's sshd; ssh's default when None.
    """

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}" if self.port is None else f"{_SCHEME}{user}{self.host}:{self.port}"

    def ssh_args(self) -> list[str]:
        """The address as words of ssh's command line."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        return [*port, *user, "--", self.host]


def parse_target(text: str) -> Target:
    """Parses ``[user@]host`` or ``ssh://[user@]host[:port]``.

    Raises:
        DeployError: the text is neither.
    """
    if text.startswith(_SCHEME):
        return _from_url(text)
    match = _PLAIN.fullmatch(text)
    if match is None or text.startswith("-") or match["host"].startswith("-"):
        raise _not_an_address(text, "write [user@]host, or ssh://user@host:port")
    return Target(match["host"].strip("[]"), match["user"])


def _not_an_address(text: str, remedy: str, why: str = "") -> DeployError:
    return DeployError(f"{text!r} is not a board's address{why}", remedy, exit_status=2)


def _from_url(text: str) -> Target:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _not_an_address(text, "write ssh://user@host:port", f" ({error})") from error
    host, user = parts.hostname, parts.username
    if not host or host.startswith("-") or parts.password or parts.path.strip("/") or parts.query:
        raise _not_an_address(text, "write ssh://user@host:port, and nothing after it")
    # urlsplit gives the host in lower case, but ssh's configuration is case-sensitive.
    written = parts.netloc.rpartition("@")[2]
    at = written.lower().find(host)
    return Target(written[at : at + len(host)], unquote(user) if user else None, port)
