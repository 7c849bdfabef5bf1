"""A real server of a tiny model, and the checks that it must pass whatever it was sent."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from tests.fuzz.target import Target
from tests.support.device_models import picture
from tests.support.serving import encoded, photo, serving
from tests.support.stores import write_model

if TYPE_CHECKING:
    from pathlib import Path

_CHECK_EVERY = 250
_PATIENCE = 0.03  # seconds
_GROWTH = 192 << 20


class ServedTarget(Target):
    """Sends bytes to a server. Every few inputs, and at the end, a sound photo must get its answer.

    The server may print only the lines that ``tests.support.serving`` expects, must not grow, and must not keep files
    or threads.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model = write_model(folder / "model.tflite")
        self._stack = contextlib.ExitStack()
        self.server = self._stack.enter_context(serving(self.model, "--max-mb", "1", "--timeout", "60"))
        self._sent = 0
        self.check()
        self._resident, self._files = self.server.resident(), self.server.open_files()

    def close(self) -> None:
        self.check()
        growth = self.server.resident() - self._resident
        files = self.server.open_files() - self._files
        self._stack.close()  # fails if the server printed what it should not
        assert growth < _GROWTH, f"the server grew by {growth >> 20} MB"
        assert files < 50, f"the server keeps {files} more files open"

    def exchange(self, data: bytes) -> bytes:
        """Sends bytes, and returns the answer until the server closes the connection.

        If no answer comes at once, the sending side is closed: the server may wait for the rest of a request.
        """
        answer = b""
        with socket.create_connection(self.server.address, 60) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            with contextlib.suppress(ConnectionResetError, OSError):
                if not select.select([connection], [], [], _PATIENCE)[0]:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    answer += chunk
                    if len(chunk) < 65536 and not select.select([connection], [], [], _PATIENCE)[0]:
                        connection.shutdown(socket.SHUT_WR)
        self.count()
        return answer

    def count(self) -> None:
        """Counts an input, after every few of which the server is checked."""
        self._sent += 1
        if self._sent % _CHECK_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Checks that the server names a sound photo."""
        assert self.server.process.poll() is None, f"the server ended: {self.server.said}"
        reply = self.server.classify(photo("red"))
        assert reply.status == 200, (reply.status, reply.body)
        assert reply.json()["predictions"][0]["label"] == "red", reply.body


def status(answer: bytes) -> str:
    """The status of an answer, in words for the tally; an error of the server is a failure.

    Raises:
        AssertionError: the answer is not HTTP, or says that the server failed.
    """
    if not answer:
        return "closed without an answer"
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    code = answer[9:12].decode("ascii")
    assert not code.startswith("5") or code in {"503", "504"}, answer[:500]
    assert b"Traceback" not in answer, answer
    return code


def pictures() -> list[bytes]:
    """Small photos in formats that a browser sends."""
    return [
        photo("red"),
        photo("green", kind="JPEG"),
        photo("blue", kind="WEBP"),
        encoded(picture("red").convert("P"), "GIF"),
    ]
