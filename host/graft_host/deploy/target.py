"""Parses the board's address on the command line."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote

from graft_host.deploy.errors import DeployError

_PLAIN = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[^\]]*\]|[^@/\[]*?):?", re.DOTALL)
_URL = re.compile(
    r"ssh://(?:(?P<user>[^/?#]*)@)?(?P<host>\[[^\]/]*\]|[^@:/?#\[\]]*)(?::(?P<port>[^/?#]*))?/?",
    re.IGNORECASE | re.DOTALL,
)
_HOST = re.compile(r"[^\s\x00-\x1f\x7f@/\\'\"`$&;<>|(){}*?!#-][^\s\x00-\x1f\x7f@/\\'\"`$&;<>|(){}*?!#]*")
_USER = re.compile(r"[^\s\x00-\x1f\x7f:/'\"`$;&<>|(){}-][^\s\x00-\x1f\x7f:/'\"`$;&<>|(){}]*")
"""What OpenSSH accepts as host and user on its command line, and no blank: other characters could reach a shell."""
_PASSWORD = re.compile(r"(://[^/@:]*):.*@", re.DOTALL)
_PORTS = range(1, 65536)


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
        if self.port is None:
            return f"{user}{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{user}{host}:{self.port}"

    def ssh_args(self) -> list[str]:
        """The address as words of ssh's command line."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        return [*port, *user, "--", self.host]

    def plain(self) -> str:
        """The address as a person writes it after ``ssh``."""
        port = f"-p {self.port} " if self.port else ""
        return port + (f"{self.user}@" if self.user else "") + self.host


def parse_target(text: str) -> Target:
    """Parses ``[user@]host`` or ``ssh://[user@]host[:port]``.

    As in OpenSSH, user and host of the second form may be percent-encoded, and the ``%`` before the zone of an IPv6
    address may be written as it is or as ``%25``.

    Raises:
        DeployError: the text is neither.
    """
    if text[:6].lower() == "ssh://":
        return _from_url(text)
    host, user = text, None
    if not _is_ipv6(text.rpartition("@")[2]):
        match = _PLAIN.fullmatch(text)
        if match is None:
            raise _not_an_address(text, "write [user@]host, or ssh://user@host:port")
        host, user = match["host"], match["user"]
    elif "@" in text:
        user, _, host = text.rpartition("@")
    return _checked(text, host, user, None, "write [user@]host, or ssh://user@host:port")


def _from_url(text: str) -> Target:
    remedy = "write ssh://user@host:port, and nothing after it"
    match = _URL.fullmatch(text)
    if match is None or (match["user"] and ":" in match["user"]):
        raise _not_an_address(text, remedy)
    port = match["port"] or ""
    if port and not (port.isascii() and port.isdecimal() and len(port) < 6 and int(port) in _PORTS):  # noqa: PLR2004
        raise _not_an_address(
            text,
            "write ssh://user@host:port, with an IPv6 address in brackets",
            " (its port is not a number from 1 to 65535)",
        )
    try:
        user = None if match["user"] is None else unquote(match["user"], errors="strict")
        host = unquote(match["host"], errors="strict")
    except UnicodeDecodeError as error:
        raise _not_an_address(text, remedy, " (what its percent-encoding stands for is not UTF-8)") from error
    return _checked(text, host, user, int(port) if port else None, remedy)


def _checked(text: str, host: str, user: str | None, port: int | None, remedy: str) -> Target:
    if host.startswith("["):
        host = host[1:-1]
        if not _is_ipv6(host):
            raise _not_an_address(text, remedy, " (the part in brackets is not an IPv6 address)")
    elif ":" in host and not _is_ipv6(host):
        raise _not_an_address(text, remedy)
    if not _HOST.fullmatch(host) or not (user is None or _USER.fullmatch(user)):
        raise _not_an_address(text, remedy)
    return Target(host, user, port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _not_an_address(text: str, remedy: str, why: str = "") -> DeployError:
    shown = _PASSWORD.sub(r"\1:…@", text)
    return DeployError(f"{shown!r} is not a board's address{why}", remedy, exit_status=2)
