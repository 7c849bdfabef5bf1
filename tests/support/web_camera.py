"""A network camera on loopback that can be unplugged: a stream of JPEGs, and a still picture."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.device_models import picture
from tests.support.ports import free_port
from tests.support.serving import encoded


@dataclass
class Request:
    """A request that the camera received.

    Attributes:
        path: the path with its query.
        headers: the headers, with names in lower case.
        at: when it came, in seconds of ``time.monotonic``.
    """

    path: str
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)


Answer = Callable[[Request], "tuple[int, dict[str, str], bytes]"]


def jpeg(colour: str) -> bytes:
    """A JPEG of one colour."""
    return encoded(picture(colour), "JPEG")


class WebCamera:
    """The camera. ``/stream`` gives the colour as a stream of JPEGs, or ``parts``; ``answer`` gives all other paths."""

    def __init__(
        self,
        answer: Answer | None = None,
        tls: ssl.SSLContext | None = None,
        parts: Callable[[], Iterator[bytes]] | None = None,
        boundary: str = "frame",
    ) -> None:
        self.colour = "red"
        self.requests: list[Request] = []
        self.port = free_port()
        self._answer = answer or (lambda _: (200, {"Content-Type": "image/jpeg"}, jpeg(self.colour)))
        self._tls = tls
        self._parts = parts
        self.boundary = boundary
        self._server: http.server.ThreadingHTTPServer | None = None
        self._plugged = False

    @property
    def url(self) -> str:
        """The camera's address, without a path."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def plug(self) -> None:
        """Starts to answer."""
        self._plugged = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def unplug(self) -> None:
        """Ends all streams and refuses connections."""
        self._plugged = False
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> WebCamera:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request for a picture."""
        self.requests.append(request)
        return self._answer(request)

    def stream(self) -> Iterator[bytes]:
        """The parts of a stream, until the camera is unplugged."""
        given = None if self._parts is None else self._parts()
        while self._plugged:
            if given is not None:
                yield next(given)
                time.sleep(0.02)
                continue
            data = jpeg(self.colour)
            yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data)
            time.sleep(0.05)


def _handler(camera: WebCamera) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                if self.path == "/stream":
                    self.send_response(200)
                    self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={camera.boundary}")
                    self.end_headers()
                    for part in camera.stream():
                        self.wfile.write(part)
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, given, body = camera.answer(Request(self.path, headers))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **given}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    return Handler
