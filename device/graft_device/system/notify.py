"""Reports a service's state to systemd, as ``sd_notify(3)`` describes; does nothing without systemd.

A loop calls ``ready()`` once it works, ``watchdog()`` in every iteration, and ``stopping()`` when it ends.
"""

from __future__ import annotations

import os
import socket
import time

_TIMEOUT = 1.0
_MICROSECONDS = 1e6
_last_ping = float("-inf")


def ready() -> None:
    """Reports that the service works, so that units which wait for it may start."""
    _send("READY=1")


def status(text: str) -> None:
    """Sets the line that ``systemctl status`` shows: the first line of the text."""
    _send(f"STATUS={next(iter(text.splitlines()), '')}")


def stopping() -> None:
    """Reports that the service is about to end."""
    _send("STOPPING=1")


def watchdog() -> None:
    """Reports that the service is alive; cheap enough to call in every iteration of a loop.

    A message is sent at most once in half the interval that systemd allows (``$WATCHDOG_USEC``). The loop has to
    call this function at least that often.
    """
    global _last_ping  # noqa: PLW0603  one process has one watchdog
    interval = watchdog_seconds()
    if interval is None:
        return
    now = time.monotonic()
    if now - _last_ping >= interval / 2:
        _last_ping = now
        _send("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """The longest time that systemd allows between two watchdog messages, in seconds; None if it expects none."""
    try:
        seconds = int(os.environ.get("WATCHDOG_USEC", "")) / _MICROSECONDS
        pid = int(os.environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return seconds if seconds > 0 and pid == os.getpid() else None


def _send(message: str) -> None:
    """Sends one datagram to ``$NOTIFY_SOCKET``. A missing or full socket is ignored: it must not stop the service."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family = getattr(socket, "AF_UNIX", None)
    if family is None or address[:1] not in {"/", "@"}:
        return
    if address.startswith("@"):  # the abstract namespace, where names start with a NUL
        address = f"\0{address[1:]}"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            channel.settimeout(_TIMEOUT)
            channel.sendto(message.encode(errors="replace"), address)
    except OSError:
        return
