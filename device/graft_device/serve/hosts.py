"""Decides which Host headers the server accepts, as a protection against DNS rebinding."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d+)?")
_NEARBY = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
"""Endings of names that routers and mDNS assign, and that nobody can register on the internet."""


@dataclass(frozen=True)
class Hosts:
    """The host names that a Host header may contain.

    Attributes:
        loopback: whether the server is reachable only from this machine, and so accepts only this machine's names.
        token: whether clients must send a token. A malicious page has none, so any name is safe then.
        more: additional names to accept.
        remedy: what lets another name in, with ``{name}`` in its place.
    """

    loopback: bool
    token: bool
    more: tuple[str, ...] = ()
    remedy: str = "start the server with --allow-host {name}"

    def refusal(self, host: str) -> str | None:
        """Why a Host header is refused; None if it is accepted. An empty one is: no browser sends it."""
        if not host or (self.token and not self.loopback):
            return None
        name = _name(host)
        if name in self.more or _of_this_machine(name) or (not self.loopback and _nearby(name)):
            return None
        if not name:
            return "the Host header contains no host name"
        if self.loopback:
            remedy = self.remedy.format(name=name)
            return f"this server accepts only localhost and 127.0.0.1; use one of them, or {remedy}"
        return f"{name} is not a local host name: {self.remedy.format(name=name)}, or start the server with a token"


def _name(host: str) -> str:
    """The name in a Host header, in lower case; empty if the header is not valid."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]).lower() if match else ""


def _of_this_machine(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _nearby(name: str) -> bool:
    """Whether nobody can own a name on the internet: it is an address, a single word, or ends as in ``_NEARBY``."""
    return _address(name) is not None or (name != "" and "." not in name) or name.endswith(_NEARBY)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
