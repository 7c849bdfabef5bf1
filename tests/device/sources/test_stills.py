"""URLs of still pictures as cameras."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from graft_device.sources import Frame, Source, SourceError, SourceOptions, open_source, stills, web
from graft_device.sources.live import Live
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Stop
from tests.support.device_models import write_artifact
from tests.support.running import PATIENCE_S, running
from tests.support.web_camera import Request, WebCamera, jpeg

JPEG = {"Content-Type": "image/jpeg"}
Given = tuple[int, dict[str, str], bytes]


def opened(url: str, interval: float = 0.05, notes: list[str] | None = None, required: bool = True) -> Source:
    options = SourceOptions(interval=interval, required=required)
    return open_source([url], options, pytest.fail if notes is None else notes.append)


def taken(source: Source, count: int) -> list[Frame]:
    """The first frames of a source."""
    frames: list[Frame] = []
    stop = Stop()
    with contextlib.closing(source.frames(stop)) as turns:  # type: ignore[type-var]
        for frame in turns:
            if frame is not None:
                frames.append(frame)
            if len(frames) == count:
                break
    return frames


def test_a_still_picture_is_fetched_at_a_steady_rate() -> None:
    notes: list[str] = []
    with WebCamera() as camera:
        started = time.monotonic()
        frames = taken(opened(f"{camera.url}/snap.jpg?channel=1", 0.2, notes), 5)
    assert [frame.load() for frame in frames] == [jpeg("red")] * 5
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5]
    assert {frame.source for frame in frames} == {f"{camera.url}/snap.jpg"}
    assert [request.path for request in camera.requests] == ["/snap.jpg?channel=1"] * 5
    for number, request in enumerate(camera.requests):
        assert request.at - started >= number * 0.2 - 0.001
    assert notes == []


def test_a_run_prints_an_answer_for_each_picture_and_no_notes(tmp_path: Path) -> None:
    """The camera gives a picture when the one before has been answered, so that none is dropped for being late."""
    model = write_artifact(tmp_path / "colours.tflite")
    turns = threading.Semaphore(1)

    def answer(_: Request) -> Given:
        turns.acquire(timeout=8)
        return 200, JPEG, jpeg(camera.colour)

    with WebCamera(answer) as camera, running(model, "--source", f"{camera.url}/snap.jpg", "--json") as job:
        events = []
        for _ in range(3):
            events.append(job.event())
            turns.release()
        camera.colour = "blue"
        while job.event()["label"] != "blue":
            turns.release()
        turns.release(9)
        assert job.end() == 0
        assert job.rest() == []
    assert [event["label"] for event in events] == ["red"] * 3
    assert [event["dropped"] for event in events] == [0] * 3
    assert all(request.path == "/snap.jpg" for request in camera.requests)


def test_one_picture_and_the_uncertain_ones_are_kept_as_they_came(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "colours.tflite")
    keep = ["--save-uncertain", tmp_path / "kept", "--uncertain-below", 1, "--threshold", 1]
    with WebCamera() as camera, running(model, "--source", f"{camera.url}/a.jpg", "--once", "--json", *keep) as job:
        assert job.event()["seq"] == 1
        assert job.process.wait(PATIENCE_S) == 0
    (kept,) = (tmp_path / "kept").glob("*/*.jpg")
    assert kept.read_bytes() == jpeg("red")


def test_a_picture_that_has_not_changed_is_not_sent_again() -> None:
    def answer(request: Request) -> Given:
        if request.headers.get("if-none-match") == '"1"' and request.headers.get("if-modified-since") == "yesterday":
            return 304, {}, b""
        return 200, {**JPEG, "ETag": '"1"', "Last-Modified": "yesterday"}, jpeg("green")

    with WebCamera(answer) as camera:
        frames = taken(opened(f"{camera.url}/snap.jpg"), 3)
    assert [frame.load() for frame in frames] == [jpeg("green")] * 3
    assert ["if-none-match" in request.headers for request in camera.requests] == [False, True, True]


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_a_user_and_a_password_in_the_url(scheme: str) -> None:
    def answer(request: Request) -> Given:
        given = request.headers.get("authorization", "")
        if scheme == "basic":
            right = given == "Basic " + base64.b64encode(b"me@home:s/ecret").decode()
            asked = 'Basic realm="cam"'
        else:
            right = _digest_is_right(given)
            asked = 'Digest realm="cam", nonce="abc", qop="auth", algorithm=MD5'
        return (200, JPEG, jpeg("red")) if right else (401, {"WWW-Authenticate": asked}, b"")

    with WebCamera(answer) as camera:
        url = camera.url.replace("//", "//me%40home:s%2Fecret@")
        frames = taken(opened(f"{url}/snap.jpg"), 8)
        assert frames[-1].load() == jpeg("red")
        assert "ecret" not in frames[0].source
        with pytest.raises(
            SourceError, match=r"cannot read http://127.0.0.1:\d+/snap.jpg: the server answers 401"
        ) as caught:
            taken(opened(f"{url.replace('ecret', 'wrong')}/snap.jpg"), 1)
        assert "wrong" not in str(caught.value)


def _digest_is_right(given: str) -> bool:
    fields = {name: value.strip('"') for name, _, value in (pair.partition("=") for pair in given[7:].split(", "))}
    if not given.startswith("Digest "):
        return False
    parts = ["me@home:cam:s/ecret", f"GET:{fields['uri']}"]
    first, second = (hashlib.md5(part.encode()).hexdigest() for part in parts)  # noqa: S324  as RFC 7616 asks
    whole = ":".join((first, "abc", fields["nc"], fields["cnonce"], "auth", second))
    return fields["response"] == hashlib.md5(whole.encode()).hexdigest()  # noqa: S324


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((404, {}, b""), "the server answers 404 Not Found"),
        ((200, JPEG, b""), "the file is empty"),
        ((200, JPEG, b"<html>"), "not a JPEG"),
        ((200, {**JPEG, "Content-Length": "99999"}, jpeg("red")), "the picture is cut short"),
        ((200, {**JPEG, "Content-Length": "9" * 5000}, jpeg("red")), "larger than 32 MB"),
        ((200, JPEG, bytes(33_000_000)), "the picture is larger than 32 MB"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "it redirects to an address that is neither http nor https"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_error(given: Given, reason: str) -> None:
    with WebCamera(lambda _: given) as camera:
        with pytest.raises(SourceError) as caught:
            taken(opened(f"{camera.url}/snap.jpg"), 1)
        assert str(caught.value).startswith(f"cannot read {camera.url}/snap.jpg: ")
        assert reason in str(caught.value)
    with pytest.raises(SourceError, match="connection refused"):
        taken(opened(f"{camera.url}/snap.jpg"), 1)


def test_a_camera_that_is_starting_is_waited_for() -> None:
    """It refuses connections, then wants a password, then shows a page, then gives pictures. Each is noted once."""
    notes: list[str] = []
    pages = iter([(401, {}, b""), (401, {}, b""), (200, {"Content-Type": "text/html"}, b"starting")])
    camera = WebCamera(lambda _: next(pages, (200, JPEG, jpeg("red"))))
    url = f"{camera.url}/snap.jpg"
    source = Live(url, stills.WebCamera(url, 0.05), notes.append, Backoff(0.01, 0.05))
    frames = source.frames(Stop())
    assert next(frames) is None
    assert source.lost_s > 0
    with camera:
        first = next(frame for frame in frames if frame is not None)
        assert source.lost_s == 0
    assert first.load() == jpeg("red")
    about = f"cannot read {camera.url}/snap.jpg: "
    assert notes == [
        f"{about}connection refused; waiting for it",
        f"{about}the server answers 401 Unauthorized; waiting for it",
        f"{camera.url}/snap.jpg gives text/html instead of a picture; waiting for it",
        f"{camera.url}/snap.jpg is there",
    ]


def test_a_camera_that_fails_for_a_while_is_noted_once_and_comes_back() -> None:
    notes: list[str] = []
    failing = iter([False, True, True, True, False, False])

    def answer(_: Request) -> Given:
        return (503, {}, b"") if next(failing, False) else (200, JPEG, jpeg("red"))

    with WebCamera(answer) as camera:
        frames = taken(opened(f"{camera.url}/snap.jpg", notes=notes), 3)
    assert [frame.session for frame in frames] == [0, 3, 3]
    assert notes == [
        f"cannot read {camera.url}/snap.jpg: the server answers 503 Service Unavailable; trying to open it again",
        f"{camera.url}/snap.jpg is back",
    ]


def test_a_login_page_in_place_of_the_picture_is_noted() -> None:
    notes: list[str] = []
    pages = iter([False, True, False])

    def answer(_: Request) -> Given:
        return (200, {"Content-Type": "text/html"}, b"log in") if next(pages, False) else (200, JPEG, jpeg("red"))

    with WebCamera(answer) as camera:
        taken(opened(f"{camera.url}/snap.jpg", notes=notes), 2)
    assert f"{camera.url}/snap.jpg gives text/html instead of a picture" in notes[0]


@pytest.mark.parametrize("kind", ["application/octet-stream", ""])
def test_a_picture_without_a_type(kind: str) -> None:
    with WebCamera(lambda _: (200, {"Content-Type": kind} if kind else {}, jpeg("blue"))) as camera:
        assert taken(opened(f"{camera.url}/snap"), 2)[1].load() == jpeg("blue")


def test_a_slow_picture_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TOTAL_S", 0.3)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n"
    with dripping(head) as port, pytest.raises(SourceError, match="takes longer than 0 seconds"):
        taken(opened(f"http://127.0.0.1:{port}/snap.jpg"), 1)


@contextlib.contextmanager
def dripping(head: bytes) -> Iterator[int]:
    """A server that sends one byte every 50 ms."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as client:
                client.recv(65536)
                client.sendall(head)
                while not done.wait(0.05):
                    client.sendall(b"\xff")

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        done.set()


def test_a_stream_is_still_a_stream_and_capitals_in_the_scheme_count() -> None:
    with WebCamera() as camera:
        frames = taken(opened(f"{camera.url}/stream".replace("http", "HTTP")), 3)
    assert Image.fromarray(frames[2].load()).size == Image.open(BytesIO(jpeg("red"))).size  # type: ignore[arg-type]


def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with WebCamera(tls=context) as camera:
        with pytest.raises(SourceError, match=r"is not trusted; name it in \$SSL_CERT_FILE, or use http://"):
            taken(opened(f"{camera.url}/snap.jpg"), 2)
        assert len(taken(opened(f"{camera.url}/stream"), 2)) == 2, "FFmpeg trusts every certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert taken(opened(f"{camera.url}/snap.jpg"), 2)[1].load() == jpeg("red")


def test_a_stop_ends_the_wait_for_the_next_picture() -> None:
    stop = Stop()
    with WebCamera() as camera:
        started = time.monotonic()
        for frame in opened(f"{camera.url}/snap.jpg", 3600).frames(stop):
            if frame is None:
                stop.wanted = True
        assert time.monotonic() - started < PATIENCE_S
