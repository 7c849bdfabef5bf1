"""Who may use the studio: requests as other sites, other users and odd programs send them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.running import PATIENCE_S
from tests.support.studio import studio

pytestmark = pytest.mark.service

WEBSOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: str


@dataclass(frozen=True)
class Door:
    """A running studio, and the cookie of a browser that it let in."""

    port: int
    cookie: str

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str = "") -> Answer:
        return ask(self.port, path, {"Host": self.host, "Cookie": self.cookie, **(headers or {})}, method, body)

    def websocket(self, headers: dict[str, str]) -> int:
        return self.ask(WEBSOCKET, {**UPGRADE, **headers}).status


def ask(port: int, path: str, headers: dict[str, str], method: str = "GET", body: str = "") -> Answer:
    """Sends a request as it is; headers without a value are left out."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += (chunk := connection.recv(65536))
            assert chunk, received
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(rest) < int(length[1]):
            rest += connection.recv(65536)
    return Answer(int(head.split()[1]), head.decode(), rest.decode(errors="replace"))


def enter(port: int, code: str) -> Answer:
    headers = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json"}
    return ask(port, "/session", headers, "POST", json.dumps({"code": code}))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("gate")
    with studio(folder / "pets", environment={"GRAFT_CACHE": str(folder / "cache")}) as running:
        address = running.address()
        port, code = int(address.partition("/enter")[0].rpartition(":")[2]), address.partition("#")[2]
        answer = enter(port, code)
        cookie = re.search(r"set-cookie: ([^;]+); HttpOnly; Path=/; SameSite=strict", answer.head)
        assert cookie, answer
        assert running.address().partition("#")[2] != code  # the address for another browser
        assert enter(port, code).status == 401
        yield Door(port, cookie[1])


def test_a_browser_that_was_let_in_sees_the_studio(door: Door) -> None:
    answer = door.ask("/")
    assert answer.status == 200
    assert "default-src 'none'" in answer.head
    assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org)", answer.body)
    assert door.ask("/", {"Host": f"LOCALHOST:{door.port}"}).status == 200
    assert door.ask("/", {"Host": f"[::1]:{door.port}"}).status == 200


@pytest.mark.parametrize("cookie", ["", "graft-studio-1=x", "{name}=", "{name}=wrong", "{name}=\xe9", '{name}="'])
def test_nobody_else_does(door: Door, cookie: str) -> None:
    shown = cookie.format(name=door.cookie.partition("=")[0])
    for path in ("/", "/train", "/media/thumbnails/cat/a.jpg", POLLING, "/static/studio.css", "/no-such-page"):
        assert door.ask(path, {"Cookie": shown}).status == 401, path
    assert door.ask("/upload", {"Cookie": shown}, "POST", "x").status == 401
    assert door.ask(WEBSOCKET, {**UPGRADE, "Cookie": shown, "Origin": f"http://{door.host}"}).status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", "a b", "[::1", "localhost."])
def test_no_other_name_leads_to_the_studio(door: Door, host: str) -> None:
    assert door.ask("/", {"Host": host}).status in {400, 421}
    assert door.ask(WEBSOCKET, {**UPGRADE, "Host": host, "Origin": f"http://{host}"}).status in {400, 403}


def test_pages_of_other_sites_do_not_reach_it(door: Door) -> None:
    others = [
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{door.port + 1}",
        f"https://{door.host}",
        "http://127.0.0.1",
    ]
    for origin in others:
        assert door.ask(POLLING, {"Origin": origin}).status == 403, origin
        assert door.ask("/session", {"Origin": origin}, "POST", "{}").status == 403, origin
        assert door.websocket({"Origin": origin}) == 403, origin
    assert door.websocket({}) == 403  # each browser sends an Origin
    assert door.websocket({"Origin": f"http://{door.host}"}) == 101
    assert door.websocket({"Origin": f"HTTP://{door.host}"}) == 101


def test_pages_of_other_ports_cannot_embed_or_post_though_their_requests_have_the_cookie(door: Door) -> None:
    for site in ("same-site", "cross-site"):
        image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert door.ask("/shared/icon.svg", image).status == 403
        assert door.ask("/", frame).status == 403
        assert door.ask("/session", link, "POST", "{}").status == 403
        assert door.ask("/", link).status == 200  # a person follows a link


def test_polling_gives_no_permission_to_other_sites(door: Door) -> None:
    answer = door.ask(POLLING, {"Origin": f"http://{door.host}"})
    assert answer.status == 200
    assert "access-control" not in answer.head.lower()


def test_large_bodies_are_refused_before_they_are_read(door: Door) -> None:
    for path, length in ((POLLING, "64000001"), ("/session", "10001"), ("/session", "-1"), ("/session", "1e3")):
        answer = door.ask(path, {"Content-Length": length, "Content-Type": "application/json"}, "POST")
        assert answer.status in {400, 413}, (path, length)
    assert door.ask("/session", {"Transfer-Encoding": "chunked"}, "POST").status == 411


def test_a_person_gets_a_page_where_there_is_none(door: Door) -> None:
    person = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    missing = door.ask("/no-such-page", person)
    assert missing.status == 404
    assert '<html lang="zh-CN">' in missing.body
    assert "页面不存在" in missing.body
    locked = door.ask("/", {**person, "Cookie": "", "Accept-Language": "de"})
    assert locked.status == 401
    assert "Open the newest address" in locked.body
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert door.ask(path).status == 404
