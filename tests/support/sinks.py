"""Sinks, and a run with three of them that may be killed: standard output, a file, and a webhook."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graft_device.classifier import Classifier
from graft_device.outputs import queued as queued_events
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.fan_out import FanOut
from graft_device.outputs.printed import Printed, json_line
from graft_device.outputs.queued import Queued
from graft_device.outputs.sink import Sink
from graft_device.run.watching import Outputs
from graft_device.sources.base import Frame
from graft_device.sources.watch import Folder
from graft_device.system import stopping
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Signals, Stop
from tests.support.running import PATIENCE_S
from tests.support.watching import watch_one

QUICK = (0.05, 0.2)
"""The first wait of a queue between tries and the longest, in seconds."""


class Calling(Sink):
    """Calls a function with each event."""

    def __init__(self, function: Callable[[Event], object], name: str = "function", ends_run: bool = False) -> None:
        self.name = name
        self.ends_run = ends_run
        self.closed = 0
        self._function = function

    def put(self, event: Event) -> None:
        """Calls the function."""
        self._function(event)

    def close(self) -> None:
        """Counts."""
        self.closed += 1


class LinesFile(Sink):
    """Appends events to a file."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def put(self, event: Event) -> None:
        """Writes a line."""
        self._file.write(event.to_line() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Webhook(Sink):
    """Posts events as JSON; ``put`` blocks until the receiver has answered."""

    def __init__(self, url: str) -> None:
        self.name = f"webhook {url}"
        self._url = url

    def put(self, event: Event) -> None:
        """Posts an event; raises OSError where nobody takes it."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, event.to_line().encode(), headers)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            answer.read()

    def close(self) -> None:
        """Does nothing: each event has its own connection."""


class WebhookReceiver:
    """A server on loopback that keeps what is posted; refuses everything while ``refusing`` is set.

    Attributes:
        bodies: what it has taken, as JSON.
        requests: the headers and the body of every request.
        refusing: whether it answers 503 instead of ``status``.
        forgetful: whether it takes what comes, and closes the connection without an answer.
        status: its answer; an event counts as taken with 200 to 299.
        headers: of its answer.
    """

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.refusing = False
        self.forgetful = False
        self.status = 204
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 503 if receiver.refusing else receiver.status  # a test may change it at any moment
                receiver.requests.append((dict(self.headers), body))
                if 200 <= status < 300:
                    receiver.bodies.append(json.loads(body))
                if receiver.forgetful:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speaks TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def queued(sink: Sink, folder: Path, note: Callable[[str], None]) -> Queued:
    """A sink with a queue on disk that tries again soon."""
    return Queued(sink, EventQueue(folder, 10**7, note), note, Backoff(*QUICK))


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _failed(frame: Frame, reason: str) -> None:
    _note(f"{frame.source}: {reason}")


def main(model: str, photos: str, state: str, url: str) -> None:
    """Classifies the photos that come into a folder; events go to stdout, ``STATE/events.jsonl`` and a webhook."""
    queued_events.FLUSH_S = stopping.GRACE_S = PATIENCE_S
    stop = Stop()
    folder = Path(state)
    with Signals(stop), contextlib.closing(FanOut(_note)) as sinks:
        sinks.add(Printed(_say, json_line, _note))
        sinks.add(queued(LinesFile(folder / "events.jsonl"), folder / "file-queue", _note))
        sinks.add(queued(Webhook(url), folder / "webhook-queue", _note))
        source = Folder(Path(photos), _note, existing=True, poll_s=0.05)
        watch_one(source, Classifier(model), Outputs(sinks, _failed), stop, _note)


if __name__ == "__main__":
    main(*sys.argv[1:])
