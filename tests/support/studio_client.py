"""Talks to a running studio over HTTP, as its pages do."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tests.support.running import PATIENCE_S
from tests.support.serving import Reply


@dataclass(frozen=True)
class StudioClient:
    """A browser without pages: the server's address, and the cookie that it gave."""

    netloc: str
    cookie: str

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, **query: str
    ) -> Reply:
        """Sends a request; ``query`` becomes the end of the address."""
        connection = http.client.HTTPConnection(self.netloc, timeout=PATIENCE_S)
        address = f"{path}?{urlencode(query)}" if query else path
        try:
            connection.request(method, address, body, {"Cookie": self.cookie, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def upload(self, content: bytes, **query: str) -> Reply:
        """Sends a photo or an archive."""
        return self.ask("POST", f"/upload?{urlencode(query)}", content)

    def raw(self, head: str, body: bytes) -> bytes:
        """Sends a request's lines as they are, with the cookie, ends the sending, and reads until the server closes."""
        host, _, port = self.netloc.rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            lines = f"{head}\r\nHost: {self.netloc}\r\nCookie: {self.cookie}\r\nConnection: close\r\n\r\n"
            connection.sendall(lines.encode() + body)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def entered(address: str) -> StudioClient:
    """Exchanges the code of an address for a cookie, as the page does that opens it."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
    try:
        body = json.dumps({"code": parts.fragment}).encode()
        connection.request("POST", "/session", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        return StudioClient(parts.netloc, answer.headers["Set-Cookie"].partition(";")[0])
    finally:
        connection.close()
