"""Tells systemd how a service is doing, as ``sd_notify(3)`` describes; without systemd nothing happens.

A loop calls ``ready()`` once it works, ``watchdog()`` on every turn, and ``stopping()`` when it ends.
"""

from __future__ import annotations

import os
import socket
import time

_TIMEOUT = 1.0
_MICROSECONDS = 1e6
_last_sign = float("-inf")


def ready() -> None:
    """The service works: what waits for it may start."""
    _send("READY=1")


def status(text: str) -> None:
    """A line for ``systemctl status``; of several lines the first."""
    _send(f"STATUS={next(iter(text.splitlines()), '')}")


def stopping() -> None:
    """The service is about to end."""
    _send("STOPPING=1")


def watchdog() -> None:
    """A sign of life; as cheap as a look at the clock.

    Sent at the most every half of what systemd waits for (``$WATCHDOG_USEC``), so a loop may call it on every turn,
    and has to call it at least as often.
    """
    global _last_sign  # noqa: PLW0603  one process has one watchdog
    interval = watchdog_seconds()
    if interval is None:
        return
    now = time.monotonic()
    if now - _last_sign >= interval / 2:
        _last_sign = now
        _send("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """How long systemd waits for a sign of life from this process, in seconds; None where it doesn't."""
    try:
        seconds = int(os.environ.get("WATCHDOG_USEC", "")) / _MICROSECONDS
        meant = int(os.environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return seconds if seconds > 0 and meant == os.getpid() else None


def _send(message: str) -> None:
    """One datagram to ``$NOTIFY_SOCKET``; a socket that is gone or full must not stop the work."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family = getattr(socket, "AF_UNIX", None)
    if family is None or address[:1] not in {"/", "@"}:
        return
    if address.startswith("@"):  # a name in the abstract namespace, which begins with a NUL
        address = f"\0{address[1:]}"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_TIMEOUT)
            channel.sendto(message.encode(errors="replace"), address)
    except OSError:
        return
