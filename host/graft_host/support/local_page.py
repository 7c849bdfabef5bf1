"""Serves one HTML page to the browsers of this machine."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_LOOPBACK = "127.0.0.1"


class LocalPage:
    """A page on a free port of the loopback; a context manager, which ends the server.

    Attributes:
        url: the address of the page.
    """

    def __init__(self, page: Path) -> None:
        """Reads the page and starts the server.

        Args:
            page: the HTML file; it is served as it is now.
        """
        self._server = ThreadingHTTPServer((_LOOPBACK, 0), _handler(page.read_bytes()))
        self.url = f"http://{_LOOPBACK}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> LocalPage:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(page: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET and HEAD of ``/`` under the names of this machine."""

        def do_GET(self) -> None:
            if self._answered():
                self.wfile.write(page)

        def do_HEAD(self) -> None:
            self._answered()

        def log_message(self, *_: object) -> None:
            """Writes no line for a request."""

        def _answered(self) -> bool:
            """Sends the head of an answer; returns whether the page follows."""
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in {_LOOPBACK, "localhost"}:  # another site's name may lead here, and would read the page
                self.send_error(421)
                return False
            if self.path != "/":
                self.send_error(404)
                return False
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            return True

    return Handler
