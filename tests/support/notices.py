"""A socket in the place of systemd's ``$NOTIFY_SOCKET``, which is read all the time, as systemd does."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.running import PATIENCE_S


class Notices:
    """The messages of a service, in their order.

    Linux keeps no more than ten messages that nobody reads, and a service drops what is not taken within a second.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._messages: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(channel,), daemon=True)
        self._thread.start()

    def next(self) -> str:
        """The next message; fails if none comes."""
        return self._messages.get(timeout=PATIENCE_S)

    def until(self, message: str) -> list[str]:
        """The messages up to this one."""
        messages = [self.next()]
        while messages[-1] != message:
            messages.append(self.next())
        return messages

    def _read(self, channel: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while message := channel.recv(4096):
                self._messages.put(message.decode())


@contextmanager
def notices(address: Path) -> Iterator[Notices]:
    """Receives messages at an address until the end of the block."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        yield Notices(channel)
        channel.shutdown(socket.SHUT_RDWR)
