"""A real ``graft-device serve`` in a separate process, on a free port of this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.conftest import error_line
from tests.support.device_models import picture

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-that-is-long-enough"  # noqa: S105  of the tests' own servers
_PATIENCE = 120.0
"""How long tests wait for what must happen, in seconds. No test waits for this time to pass."""

_EXPECTED = re.compile(r"(listening on|note:|warning: --insecure|model reopened|ended after|error: (?!unexpected))")
"""The only lines that a server may print, whatever its clients do."""


@dataclass(frozen=True)
class Reply:
    """The server's answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """The reason in a problem; fails if the answer is not a problem."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body)
        problem = self.json()
        assert problem.keys() == {"title", "status", "detail"}
        assert problem["status"] == self.status
        return str(problem["detail"])


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    url: str
    said: list[str]
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host.strip("[]"), int(port)

    def connect(self, timeout: float = _PATIENCE) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends one request over a new connection."""
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}), encode_chunked=False)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def classify(self, photo: bytes, query: str = "", kind: str = "image/png", **headers: str) -> Reply:
        return self.ask("POST", f"/v1/classify{query}", photo, {"Content-Type": kind, **headers})

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for(self, words: str) -> str:
        """The next line on standard error that contains the words."""
        while True:
            line = self._lines.get(timeout=_PATIENCE)
            assert line is not None, f"ended without saying {words!r}: {self.said}"
            if words in line:
                return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the server as a service manager does; returns the exit status."""
        if self.process.poll() is None:
            self.send(number)
        return self.process.wait(_PATIENCE)

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def resident(self) -> int:
        """The server's memory in use, in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def follow(self) -> None:
        """Collects the server's lines on standard error."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            self._lines.put(self.said[-1])
        self._lines.put(None)


def command(model: object, *options: object, patch: str = "") -> list[str]:
    """The command line of a server; ``patch`` is Python code that runs in its process before anything else."""
    return [
        sys.executable,
        "-c",
        f"{patch}\nfrom graft_device import cli; cli.main()",
        "serve",
        str(model),
        *map(str, options),
    ]


def refused(model: object, *options: object, patch: str = "", env: Mapping[str, str] | None = None) -> str:
    """The error line of a server that cannot start."""
    done = subprocess.run(
        command(model, *options, patch=patch), capture_output=True, text=True, check=False, cwd=ROOT,
        timeout=_PATIENCE, env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert done.stdout == ""
    return error_line(done)


@contextlib.contextmanager
def serving(
    model: Path,
    *options: object,
    env: Mapping[str, str] | None = None,
    patch: str = "",
    stdin: int = subprocess.DEVNULL,
) -> Iterator[Server]:
    """Runs a server for a model until the end of the block; fails if the server printed a traceback.

    Args:
        model: the model file.
        options: options of the command line.
        env: environment variables to add to those of the tests.
        patch: Python code that runs in the server's process before anything else, for example to shorten a time limit.
        stdin: the server's standard input; the server runs in a new session.
    """
    run = command(model, "--port", 0, *options, patch=patch)
    environment = {**os.environ, **(env or {})}
    with subprocess.Popen(
        run,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    ) as process:
        server = Server(process, "", [])
        follower = threading.Thread(target=server.follow, daemon=True)
        follower.start()
        try:
            found = re.search(r"listening on (\S+)", server.wait_for("listening on "))
            assert found is not None
            server.url = found[1]
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            follower.join(_PATIENCE)
        unexpected = [line for line in server.said if not _EXPECTED.match(line)]
        assert unexpected == [], unexpected


def photo(colour: str = "red", size: tuple[int, int] = (64, 48), kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a single-colour image."""
    return encoded(picture(colour, size), kind, **options)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def form(name: str, content: bytes, boundary: str = "xxGRAFTxx") -> tuple[bytes, str]:
    """A form with one file, and the form's content type."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def raw(server: Server, data: bytes, timeout: float = _PATIENCE) -> bytes:
    """Sends bytes, which need not be HTTP; returns the answer until the server closes the connection."""
    with socket.create_connection(server.address, timeout) as connection:
        connection.sendall(data)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
        return found


def in_background(server: Server, body: bytes, replies: list[Reply]) -> threading.Thread:
    thread = threading.Thread(target=lambda: replies.append(server.classify(body)))
    thread.start()
    return thread


def eventually(holds: Any, seconds: float = _PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not (done := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(done)


def metric(server: Server, line: str, **headers: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", server.get("/metrics", **headers).body.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0
