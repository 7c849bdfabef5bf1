"""Two network cameras on loopback: streams of JPEGs, and still pictures, of a bench on which parts come and go."""

from __future__ import annotations

import contextlib
import http.server
import io
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from benchmarks.motion.bench import SIZE, render_bench
from benchmarks.motion.hour import SLIDE_S, Plan, Visit, view
from benchmarks.motion.scenes import Sensor

RATE = 5
"""Frames a second."""

_SEED = 11
_CYCLE_S = 60.0
_VISIT_S = (20.0, 40.0)


def pictures(number: int) -> list[bytes]:
    """The JPEGs of a minute, in which one part is there for a third of the time.

    Args:
        number: of the camera; each sees another part.
    """
    bench = render_bench(_SEED)
    part = bench.parts[number * 12 % len(bench.parts)]
    visit = Visit(part, _VISIT_S[0] - SLIDE_S, _VISIT_S[1] + SLIDE_S)
    planned = Plan((visit,), (), np.zeros((SIZE[1], SIZE[0], 1), np.float32), 10 * _CYCLE_S)
    sensor = Sensor(np.random.default_rng(number), SIZE, 4)
    return [_jpeg(sensor(view(bench, planned, step / RATE))) for step in range(int(_CYCLE_S * RATE))]


def _jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@contextlib.contextmanager
def cameras(minutes: Sequence[list[bytes]]) -> Iterator[str]:
    """Serves cameras on a free port: ``/0/stream``, ``/0/still.jpg``, and so on; gives the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(minutes, time.monotonic()))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(minutes: Sequence[list[bytes]], start: float) -> type[http.server.BaseHTTPRequestHandler]:
    def now(camera: int) -> bytes:
        return minutes[camera][int((time.monotonic() - start) * RATE) % len(minutes[camera])]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, camera, what = self.path.split("/", 2)
            self.send_response(200)
            with contextlib.suppress(ConnectionError):
                if what == "stream":
                    self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                    self.end_headers()
                    while True:
                        data = now(int(camera))
                        head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
                        self.wfile.write(head + data + b"\r\n")
                        time.sleep(1 / RATE)
                data = now(int(camera))
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    return Handler
