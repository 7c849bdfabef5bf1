"""The webhook: what is posted, how it is signed, and what becomes of answers and of silence."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.actions import posting
from graft_device.actions.action_error import ActionError
from graft_device.actions.delivery import TRIES, Delivered, RefusedError, deliver
from graft_device.actions.opening import open_sink
from graft_device.actions.posting import parse_post_url
from graft_device.actions.signing import read_secret
from graft_device.actions.webhook import NotDeliveredError, Webhook
from graft_device.config.sinks import WebhookSettings
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.sink import Sink
from graft_device.system.backoff import Backoff
from tests.device.outputs.test_event_queue import make_event
from tests.support.certificates import localhost_certificate
from tests.support.running import PATIENCE_S, eventually
from tests.support.sinks import QUICK, WebhookReceiver

FRAME = np.full((480, 1400, 3), (230, 20, 30), np.uint8)
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", PATIENCE_S)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


def numbered(number: int, photo: Any = None) -> Event:
    return replace(make_event(f"cat {number}"), seq=number, photo=photo)


@contextlib.contextmanager
def opened(url: str, folder: Path, notes: list[str] | None = None, **settings: Any) -> Iterator[Sink]:
    kept = [] if notes is None else notes
    settings = {"timeout": PATIENCE_S, **settings}
    sink = open_sink(WebhookSettings("phone", url, queue=folder, **settings), states=False, note=kept.append)
    with contextlib.closing(sink):
        yield sink


def quick(url: str, folder: Path, notes: list[str], timeout: float = PATIENCE_S) -> Delivered:
    """A webhook that tries again soon."""
    sink = Webhook("webhook phone", parse_post_url(url), timeout, None)
    return Delivered(sink, EventQueue(folder, 10**6, notes.append), notes.append, None, Backoff(*QUICK))


def verified(secret: bytes, header: str, body: bytes) -> bool:
    """As a receiver checks a signature by the documents, without our code."""
    fields = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, fields["v1"]) and abs(time.time() - int(fields["t"])) < 300


def test_an_event_arrives_as_the_run_prints_it_and_is_signed(receiver: WebhookReceiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    event = numbered(1)
    with opened(receiver.url, tmp_path / "q", secret_file=tmp_path / "secret") as sink:
        sink.put(event)
        eventually(lambda: len(receiver.bodies) == 1)
    headers, body = receiver.requests[0]
    assert json.loads(body) == event.to_json()
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Graft-Event"] == headers["Idempotency-Key"] == event.id
    assert headers["User-Agent"].startswith("graftkit/")
    assert verified(b"s3cret", headers["X-Graft-Signature"], body)
    assert not verified(b"s3cret", headers["X-Graft-Signature"], body.replace(b"cat 1", b"dog 1"))


def test_what_is_signed_at_a_wrong_time_is_not_given_up(receiver: WebhookReceiver) -> None:
    """A board that starts in 1970 signs with that time until the network gives it another."""
    receiver.status = 403
    unset, now_set = (
        Webhook("phone", parse_post_url(receiver.url), 10, b"s3cret", clock_set=answer)
        for answer in (lambda: False, lambda: True)
    )
    with pytest.raises(NotDeliveredError, match="clock is not set yet"):
        unset.put(numbered(1))
    with pytest.raises(RefusedError, match="403"):
        now_set.put(numbered(1))


def test_without_a_secret_nothing_is_signed_and_the_variable_is_one(
    receiver: WebhookReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFT_WEBHOOK_SECRET", raising=False)
    assert read_secret(None) is None
    with opened(receiver.url, tmp_path / "q") as sink:
        sink.put(numbered(1))
        eventually(lambda: len(receiver.bodies) == 1)
    assert "X-Graft-Signature" not in receiver.requests[0][0]
    monkeypatch.setenv("GRAFT_WEBHOOK_SECRET", " s3cret\n")
    assert read_secret(None) == b"s3cret"


def test_the_picture_arrives_small_with_its_event(receiver: WebhookReceiver, tmp_path: Path) -> None:
    with opened(receiver.url, tmp_path / "q", pictures=True) as sink:
        sink.put(numbered(1, FRAME))
        sink.put(numbered(2))
        eventually(lambda: len(receiver.bodies) == 2)
        assert list((tmp_path / "q" / "pictures").iterdir()) == []
    picture = Image.open(io.BytesIO(base64.b64decode(receiver.bodies[0]["picture"])))
    assert picture.format == "JPEG"
    assert max(picture.size) == 640
    assert np.allclose(np.asarray(picture).mean(axis=(0, 1)), (230, 20, 30), atol=6)
    assert "picture" not in receiver.bodies[1]


def test_the_user_in_a_url_becomes_a_header_and_no_note_names_it(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    receiver.status = 404
    url = receiver.url.replace("http://", "http://somebody:pa%3Ass@") + "token-in-the-path?key=abc"
    sink = quick(url, tmp_path / "q", notes)
    sink.put(numbered(1))
    eventually(lambda: len(notes) == 2)
    sink.close()
    assert receiver.requests[0][0]["Authorization"] == "Basic " + base64.b64encode(b"somebody:pa:ss").decode()
    assert not any(secret in note for note in notes for secret in ("pa:ss", "pa%3Ass", "somebody", "token", "abc"))


def test_one_bad_event_does_not_hold_up_the_others(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    receiver.status = 422
    sink = quick(receiver.url, tmp_path / "q", notes)
    name = f"webhook phone ({receiver.url[7:-1]})"
    sink.put(numbered(1))
    eventually(lambda: len(notes) == 2)
    receiver.status = 200
    sink.put(numbered(2))
    eventually(lambda: [body["seq"] for body in receiver.bodies] == [2])
    sink.close()
    assert len(receiver.requests) == TRIES + 1
    assert notes[:2] == [
        f"{name}: it answers 422 Unprocessable Entity; trying again, events are kept",
        f"{name}: an event was refused {TRIES} times and dropped; it answers 422 Unprocessable Entity",
    ]


@pytest.mark.parametrize("status", [500, 503, 429, 408, 302])
def test_an_event_is_kept_for_a_receiver_in_trouble(receiver: WebhookReceiver, tmp_path: Path, status: int) -> None:
    notes: list[str] = []
    receiver.status = status
    receiver.headers = {"Location": receiver.url}
    sink = quick(receiver.url, tmp_path / "q", notes)
    sink.put(numbered(1))
    eventually(lambda: len(receiver.requests) > TRIES + 1)
    receiver.status = 200
    eventually(lambda: [body["seq"] for body in receiver.bodies] == [1])
    sink.close()
    assert len(notes) == 2
    assert "trying again, events are kept" in notes[0]
    assert "is back" in notes[1]


def test_a_receiver_that_asks_for_time_gets_it(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    receiver.status, receiver.headers = 429, {"Retry-After": "2"}
    sink = quick(receiver.url, tmp_path / "q", notes)
    start = time.monotonic()
    sink.put(numbered(1))
    eventually(lambda: len(receiver.requests) == 1)
    receiver.status = 200
    eventually(lambda: len(receiver.bodies) == 1)
    assert time.monotonic() - start >= 2
    sink.close()
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_receiver_that_never_ends_its_answer_does_not_hold_the_queue(tmp_path: Path, drip: bytes) -> None:
    """It sends a byte now and then, so that no wait for a byte is long."""
    notes: list[str] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(server.accept()[0])
                    connections[-1].sendall(drip)
                    threading.Thread(target=feed, args=(connections[-1],), daemon=True).start()

        def feed(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    connection.sendall(b"X-More: 1\r\n" if drip else b"")

        threading.Thread(target=serve, daemon=True).start()
        sink = quick(f"http://127.0.0.1:{server.getsockname()[1]}/", tmp_path / "q", notes, timeout=0.5)
        sink.put(numbered(1))
        eventually(lambda: len(connections) >= 2)
        over.set()
        sink.close()
        server.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()
    assert any("no answer within 0.5 seconds" in note for note in notes)


def test_https_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = localhost_certificate(tmp_path)
    with WebhookReceiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        receiver.wrap(context)
        url = f"https://localhost:{receiver.port}/"
        notes: list[str] = []
        sink = quick(url, tmp_path / "untrusted", notes)
        sink.put(numbered(1))
        eventually(lambda: bool(notes))
        sink.close()
        assert "its certificate is not trusted (name one to trust in $SSL_CERT_FILE)" in notes[0]
        assert receiver.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        sink = quick(url, tmp_path / "trusted", notes)
        sink.put(numbered(1))
        eventually(lambda: len(receiver.bodies) == 1)
        sink.close()


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "file:///etc/passwd", "https://", "host/hook", "http://ho st/", "http://h:99999/", ""]
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ActionError) as error, opened(url, tmp_path / "q"):
        pass
    assert str(error.value).startswith("webhook phone: the URL cannot be read; give one that begins with https://")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://h/a%20b?q=ü", "http://h/a%20b?q=%C3%BC"),
        ("HTTP://h", "http://h/"),
        ("http://u@[::1]:8080/x#y", "http://[::1]:8080/x"),
        ("http://bücher.example/x", "http://xn--bcher-kva.example/x"),
    ],
)
def test_odd_urls_are_sent_as_http_wants_them(given: str, sent: str) -> None:
    assert parse_post_url(given).url == sent


def test_a_time_to_come_back_may_be_a_date() -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 50 < (posting._retry_after(date) or 0) <= 60
    assert posting._retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    assert posting._retry_after("soon") is None


def test_a_secret_that_cannot_be_used_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match=r"cannot read the secret in .*: no such file"):
        read_secret(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ActionError, match="is empty; run: openssl rand -hex 32 > "):
        read_secret(tmp_path / "empty")


# Pictures on disk


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from dataclasses import replace
from graft_device.actions.delivery import deliver
from graft_device.actions.posting import parse_post_url
from graft_device.actions.webhook import Webhook
from tests.device.outputs.test_event_queue import make_event
url, folder = sys.argv[1:]
sink = deliver(Webhook("webhook phone", parse_post_url(url), 60, None), Path(folder), 10**6, True, print)
for number in (1, 2, 3):
    sink.put(replace(make_event(), seq=number, photo=np.full((48, 64, 3), 80 * number, np.uint8)))
while len(list(Path(folder, "pictures").glob("[0-9].jpg"))) < 3:
    time.sleep(0.01)
print("stored", flush=True)
time.sleep(600)
"""


def test_pictures_survive_a_kill_and_those_that_nobody_needs_are_removed(
    receiver: WebhookReceiver, tmp_path: Path
) -> None:
    receiver.refusing = True
    folder = tmp_path / "q"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, receiver.url, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        while "stored" not in process.stdout.readline():
            assert process.poll() is None
        process.kill()
    for name in ("99.jpg", ".2.jpg.part", "mine.txt"):
        (folder / "pictures" / name).write_bytes(b"x")
    receiver.refusing = False
    notes: list[str] = []
    with opened(receiver.url, folder, notes, pictures=True):
        eventually(lambda: len(receiver.bodies) == 3)
        eventually(lambda: os.listdir(folder / "pictures") == ["mine.txt"])  # noqa: PTH208
    levels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(body["picture"])))).mean() for body in receiver.bodies]
    assert np.allclose(levels, [80, 160, 240], atol=3)
    assert notes == []


def test_the_oldest_pictures_go_before_their_events_do(receiver: WebhookReceiver, tmp_path: Path) -> None:
    receiver.refusing = True
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    notes: list[str] = []
    sink = Webhook("webhook phone", parse_post_url(receiver.url), PATIENCE_S, None)
    delivered = deliver(sink, tmp_path / "q", 150_000, True, notes.append)
    pictures = tmp_path / "q" / "pictures"
    for number in range(1, 9):
        delivered.put(numbered(number, noise))
        eventually(lambda number=number: (pictures / f"{number}.jpg").exists())  # type: ignore[misc]
        assert sum(path.stat().st_size for path in pictures.iterdir()) <= 112_500
    kept = {int(path.stem) for path in pictures.iterdir()}
    assert 0 < len(kept) < 8
    receiver.refusing = False
    eventually(lambda: len(receiver.bodies) == 8)
    delivered.close()
    assert {body["seq"] for body in receiver.bodies if "picture" in body} == kept == set(range(9 - len(kept), 9))
    assert "an event is sent without its picture: there is no room" in notes


def test_a_photo_that_cannot_be_read_is_no_reason_to_lose_its_event(receiver: WebhookReceiver, tmp_path: Path) -> None:
    with opened(receiver.url, tmp_path / "q", pictures=True) as sink:
        sink.put(numbered(1, tmp_path / "gone.jpg"))
        sink.put(numbered(2, b"no photo"))
        eventually(lambda: [body["seq"] for body in receiver.bodies] == [1, 2])
    assert not any("picture" in body for body in receiver.bodies)
