"""Which names the server answers to, so that no name under another's control leads a browser here (DNS rebinding)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d+)?")
_NEARBY = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
"""Endings of names that routers and mDNS give, and that nobody can register."""


@dataclass(frozen=True)
class Hosts:
    """The names that a Host header may hold.

    Attributes:
        loopback: whether the server is for this machine only, and so answers to its names only.
        token: whether clients must show one: a page that was led here has none, so any name will do.
        more: names that are right besides.
    """

    loopback: bool
    token: bool
    more: tuple[str, ...] = ()

    def refusal(self, host: str) -> str | None:
        """Why a Host header is refused; None where it is not, as when it is empty, which no browser's is."""
        if not host or (self.token and not self.loopback):
            return None
        name = _name(host)
        if name in self.more or _of_this_machine(name) or (not self.loopback and _nearby(name)):
            return None
        if not name:
            return "the Host header names no host"
        if self.loopback:
            return "this server answers to localhost only; ask for that, or start it with --allow-host NAME"
        return f"{name} is no name of the local network: start the server with --allow-host {name}, or with a token"


def _name(host: str) -> str:
    """The name in a Host header, in small letters; empty where it holds something else."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def _of_this_machine(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _nearby(name: str) -> bool:
    """Whether a name can be no one's on the internet: an address, a single word, or one of ``_NEARBY``."""
    return _address(name) is not None or (name != "" and "." not in name) or name.endswith(_NEARBY)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
