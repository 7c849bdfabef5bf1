"""Which board: what a person writes on the command line."""

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
        host: a name that ssh knows, or an address.
        user: to log in as; ssh's own choice when None.
        port: of its sshd; ssh's own choice when None.
    """

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}" if self.port is None else f"{_SCHEME}{user}{self.host}:{self.port}"

    def ssh_args(self) -> list[str]:
        """What ssh wants to know of it."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        return [*port, *user, "--", self.host]


def parse_target(text: str) -> Target:
    """Reads ``[user@]host`` or ``ssh://[user@]host[:port]``.

    Raises:
        DeployError: it is neither.
    """
    if text.startswith(_SCHEME):
        return _from_url(text)
    found = _PLAIN.fullmatch(text)
    if found is None or text.startswith("-") or found["host"].startswith("-"):
        raise DeployError(f"{text!r} is no board: write [user@]host, or ssh://user@host:port", 2)
    return Target(found["host"].strip("[]"), found["user"])


def _from_url(text: str) -> Target:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise DeployError(f"{text!r} is no board ({error}): write ssh://user@host:port", 2) from error
    host, user = parts.hostname, parts.username
    if not host or host.startswith("-") or parts.password or parts.path.strip("/") or parts.query:
        raise DeployError(f"{text!r} is no board: write ssh://user@host:port, and nothing behind it", 2)
    # urlsplit folds the host to lower case, but ssh's configuration distinguishes.
    written = parts.netloc.rpartition("@")[2]
    at = written.lower().find(host)
    return Target(written[at : at + len(host)], unquote(user) if user else None, port)
