"""Receives the events of a board as JSON over HTTP and prints them. Needs Python 3.9 and nothing else.

Start the receiver on any machine:

    python webhook_receiver.py --host 0.0.0.0 --port 8765 --secret-file secret

``graft-device run --config board.toml`` posts to it, where the file has a sink of this kind:

    [[sink]]
    kind = "webhook"
    name = "receiver"
    url = "http://receiver.local:8765"
    secret-file = "secret"

With a secret, which both sides have, the receiver takes only events that are signed with it and are not older than
five minutes. ``openssl rand -hex 32 > secret`` makes one.

Without such a file, ``graft-device run`` prints events as lines of JSON. This file, run with ``--forward``, posts each
line to the receiver:

    graft-device run pets.tflite --source /dev/video0 --changes --json |
        python webhook_receiver.py --forward http://receiver.local:8765

Without this file on the board, curl does the same:

    graft-device run pets.tflite --source /dev/video0 --changes --json |
        while read -r event; do
            curl -sS -H "Content-Type: application/json" -d "$event" http://receiver.local:8765
        done

Without a secret, the receiver trusts everybody who can reach its port. Keep it inside your network: nothing here is
encrypted.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MAX_BYTES = 1_000_000
TIMEOUT_S = 10.0
MAX_AGE_S = 300
"""The largest difference between the time in a signature and this machine's, in seconds."""


def main() -> int:
    """Receives events, or forwards them from standard input."""
    parser = argparse.ArgumentParser(description="Receive or forward the events of graft-device run.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on  [default: 127.0.0.1]")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on; 0 for any  [default: 8765]")
    parser.add_argument("--forward", metavar="URL", help="post each line of standard input to a receiver")
    parser.add_argument("--secret-file", type=Path, metavar="FILE", help="take only events signed with this secret")
    options = parser.parse_args()
    if options.forward:
        return forward(sys.stdin, options.forward)
    secret = options.secret_file.read_bytes().strip() if options.secret_file else None
    if secret == b"":
        parser.error(f"{options.secret_file} is empty")
    receive(options.host, options.port, secret)
    return 0


def handle(event: dict[str, Any]) -> None:
    """Prints an event. Put your own reaction here.

    Args:
        event: as ``graft-device run --json`` prints it, with ``time``, ``source``, ``label``, ``score`` and more. An
            event that could not be delivered at once may come twice, with the same ``id``. If the board sends pictures,
            ``picture`` is a JPEG in Base64: ``base64.b64decode(event["picture"])``.
    """
    print(f"{event['time']} {event['source']}: {event['label']} {event['score']:.1%}", flush=True)


def is_signed(header: str, body: bytes, secret: bytes) -> bool:
    """Whether a request was signed with the secret, and not long ago.

    Args:
        header: ``X-Graft-Signature``, such as ``t=1767225600,v1=9f86d0…``.
        body: of the request, as it was sent.
        secret: what the sender knows, too.
    """
    fields = re.fullmatch(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", header)
    if fields is None or abs(time.time() - int(fields[1])) > MAX_AGE_S:
        return False  # whoever has heard an old request may not send it again
    expected = hmac.new(secret, f"{fields[1]}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, fields[2])


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to an event, 401 to one that is not signed, 400 to anything else, and 413 to one that is too long."""

    timeout = TIMEOUT_S

    def __init__(self, *connection: Any, secret: bytes | None) -> None:
        """Reads requests; the secret is None where they need not be signed."""
        self._secret = secret
        super().__init__(*connection)

    def do_POST(self) -> None:
        """Reads one event and handles it."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if length < 0:
            self.send_error(400, "a Content-Length is needed")
            return
        if length > MAX_BYTES:
            self.send_error(413, f"more than {MAX_BYTES} bytes")
            return
        body = self.rfile.read(length)
        if self._secret is not None and not is_signed(self.headers.get("X-Graft-Signature", ""), body, self._secret):
            self.send_error(401, "not signed with the secret, or too long ago")
            return
        try:
            handle(json.loads(body))
        except (ValueError, KeyError, TypeError):
            self.send_error(400, "not an event of graft-device run")
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Prints nothing for each request; the events are enough."""


def receive(host: str, port: int, secret: bytes | None) -> None:
    """Serves until Ctrl-C."""
    with ThreadingHTTPServer((host, port), functools.partial(Receiver, secret=secret)) as server:
        print(f"listening on http://{host}:{server.server_address[1]}", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def forward(lines: Iterable[str], url: str) -> int:
    """Posts each line to a receiver; an event that is not accepted is reported and the next one is tried.

    Args:
        lines: events as JSON, one in each.
        url: of the receiver, http or https.

    Returns:
        0 if the receiver took all events, 1 otherwise.
    """
    status = 0
    for line in lines:
        request = urllib.request.Request(  # noqa: S310  the user's own URL
            url, line.encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
                pass
        except (OSError, urllib.error.HTTPError) as error:
            print(f"not delivered to {url}: {error}", file=sys.stderr, flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
