"""Groups clients by address, for limits that count the connections of one client."""

from __future__ import annotations

import ipaddress

LOCAL = "this machine"
"""The group of all clients without an address, as on a Unix socket."""

_SITE_BITS = 64


def group(address: str | None) -> str:
    """The group of a client: its IPv4 address, or the first 64 bits of its IPv6 address.

    One machine may use all addresses of an IPv6 /64 network. Link-local addresses have the same 64 bits everywhere, so
    each of them is a group of its own. An IPv4 address in IPv6 form (``::ffff:192.0.2.1``) is that IPv4 address.

    Args:
        address: the client's address, perhaps with a zone such as ``%eth0``; None for a Unix socket.
    """
    if address is None:
        return LOCAL
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not (parsed.is_link_local or parsed.is_loopback):
            return str(ipaddress.ip_network((parsed, _SITE_BITS), strict=False))
    return str(parsed)


def is_local(name: str) -> bool:
    """Whether a group is this machine, where a reverse proxy may speak for many clients."""
    if name == LOCAL:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
