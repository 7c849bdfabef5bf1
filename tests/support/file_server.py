"""An HTTP server on the loopback that serves one file, and fails in the ways in which servers and networks do."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 1 << 14


@dataclass
class FileServer:
    """How the file is served; the attributes may be changed between requests.

    ``ends`` has a number of bytes for each of the next connections, after which it is cut; later ones are complete.
    ``stalls`` has the same for connections that are left open. ``held`` delays every piece until it is set.
    ``asked`` records the Range of each request, or None.
    """

    data: bytes
    url: str = ""
    ranges: bool = True
    shift: int = 0
    kind: str = "application/octet-stream"
    sized: bool = True
    status: int = 0
    ends: list[int] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def md5(self) -> str:
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        given = handler.headers.get("Range")
        self.asked.append(given)
        self.paths.append(handler.path)
        if self.status:
            handler.send_error(self.status)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", given)[1]) if given and self.ranges else 0  # type: ignore[index]
        if start >= len(self.data):
            handler.send_error(416)
            return
        self._send_head(handler, start, partial=bool(given) and self.ranges)
        body = self.data[start:]
        end, stall = (each.pop(0) if each else len(body) for each in (self.ends, self.stalls))
        for at in range(0, len(body), _PIECE):
            if at >= stall:
                self.arrived.set()
                self.closing.wait()
            if at >= end or self.closing.is_set():
                break
            handler.wfile.write(body[at : min(at + _PIECE, end)])
            if at + _PIECE >= 4 * _PIECE and not self.held.is_set():
                self.arrived.set()
                self.held.wait()

    def _send_head(self, handler: BaseHTTPRequestHandler, start: int, *, partial: bool) -> None:
        handler.send_response(206 if partial else 200)
        handler.send_header("Content-Type", self.kind)
        if partial:
            first = start + self.shift
            handler.send_header("Content-Range", f"bytes {first}-{len(self.data) - 1}/{len(self.data)}")
        if self.sized:
            handler.send_header("Content-Length", str(len(self.data) - start))
        handler.end_headers()


@contextmanager
def file_server(data: bytes, **settings: Any) -> Iterator[FileServer]:
    """Serves the data; ``held`` is set unless the settings have another event."""
    files = FileServer(data, **settings)
    if "held" not in settings:
        files.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                files.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    files.url = f"http://127.0.0.1:{server.server_port}/weights.h5"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield files
    finally:
        files.closing.set()
        files.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
