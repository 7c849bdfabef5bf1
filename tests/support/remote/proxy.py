"""A "cable" between this machine and a board that counts the bytes, and can be cut."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 16384
_RESET = struct.pack("ii", 1, 0)  # linger for no time: the connection is reset, as a cable's end would have it


@dataclass
class Cable:
    """Connects a port of this machine with a board's sshd.

    Attributes:
        port: the port to connect to.
        to_board: bytes sent to the board, in all connections so far.
        from_board: bytes received from the board, in all connections so far.
        cut_after: the number of bytes to the board after which the cable is cut, once.
        cut_back_after: the number of bytes from the board after which the cable is cut, once.
        cuts: how often the cable was cut.
        rate: the most bytes per second to the board; a slow board may have received fewer bytes than ``to_board``.
    """

    port: int
    board_port: int
    to_board: int = 0
    from_board: int = 0
    cut_after: int | None = None
    cut_back_after: int | None = None
    cuts: int = 0
    rate: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ends: list[socket.socket] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """The bytes in both directions."""
        return self.to_board + self.from_board

    def connect(self, client: socket.socket) -> None:
        """Connects a client with the board."""
        board = socket.create_connection(("127.0.0.1", self.board_port))
        self._ends += [client, board]
        for source, sink, there in ((client, board, True), (board, client, False)):
            threading.Thread(target=self._forward, args=(source, sink, there), daemon=True).start()

    def cut(self) -> None:
        """Closes all connections; bytes sent to the board still arrive, and bytes on their way to here are lost."""
        self.cuts += 1
        for end in self._ends:
            with contextlib.suppress(OSError):
                if end.getpeername()[1] == self.board_port:
                    end.shutdown(socket.SHUT_WR)
                else:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.close()

    def close(self) -> None:
        """Closes all connections."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _forward(self, source: socket.socket, sink: socket.socket, there: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if self._is_over(len(data), there):
                    self.cut()
                    return
                self._count(len(data), there)
                if there and self.rate:
                    time.sleep(len(data) / self.rate)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _is_over(self, more: int, there: bool) -> bool:
        with self._lock:
            limit, count = (self.cut_after, self.to_board) if there else (self.cut_back_after, self.from_board)
            if limit is None or count + more < limit:
                return False
            if there:
                self.cut_after = None
            else:
                self.cut_back_after = None
            return True

    def _count(self, more: int, there: bool) -> None:
        with self._lock:
            if there:
                self.to_board += more
            else:
                self.from_board += more


@contextlib.contextmanager
def cable(board_port: int) -> Iterator[Cable]:
    """A cable until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        found = Cable(listener.getsockname()[1], board_port)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    client.settimeout(None)
                    found.connect(client)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()
            found.close()
