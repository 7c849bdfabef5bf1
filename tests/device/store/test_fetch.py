"""Models over HTTP, from a real server on the loopback."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from graft_device.store import fetch
from graft_device.store import incoming as intake
from graft_device.store.exit_codes import ExitCode, FetchError, StoreError
from graft_device.store.fetch import NotThereError, file_name, is_url
from tests.conftest import error_line, graft_device
from tests.support.certificates import localhost_certificate
from tests.support.host_data import run_on_small_disk
from tests.support.stores import allow, make_key, sha256, slot_id, ssh_sign, write_model

if TYPE_CHECKING:
    from collections.abc import Callable


@contextmanager
def serving(
    answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server that answers as told: its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def files(folder: Path) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        path = folder / unquote(handler.path.lstrip("/").partition("?")[0])
        if not path.is_file():
            handler.send_error(404)
            return
        send(handler, path.read_bytes())

    return answer


def send(handler: BaseHTTPRequestHandler, data: bytes, length: int | None = -1) -> None:
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(len(data) if length < 0 else length))
    handler.end_headers()
    handler.wfile.write(data)


def test_a_model_is_fetched_once(tmp_path: Path) -> None:
    model = write_model(tmp_path / "pets v2.tflite")
    store = tmp_path / "store"
    with serving(files(tmp_path)) as (url, asked):
        options = ["--store", store, "--json", "--sha256", sha256(model)]
        for changed in (True, False):
            done = graft_device("install", f"{url}/pets%20v2.tflite?token=1", *options)
            assert done.returncode == 0, done.stderr
            found = json.loads(done.stdout)
            assert (found["changed"], found["current"]["name"]) == (changed, "pets v2")
        assert asked == ["/pets%20v2.tflite?token=1"]
    assert found["current"]["id"] == slot_id(model)


def test_a_signature_is_fetched_where_one_is_demanded(tmp_path: Path) -> None:
    model, key = write_model(tmp_path / "m.tflite"), make_key(tmp_path / "key")
    allow(tmp_path / "store" / "allowed_signers", anna=key)
    with serving(files(tmp_path)) as (url, asked):
        done = graft_device("install", f"{url}/m.tflite", "--store", tmp_path / "store")
        assert "it is not signed" in error_line(done, ExitCode.SIGNATURE)
        ssh_sign(model, key)
        done = graft_device("install", f"{url}/m.tflite?x=1", "--store", tmp_path / "store")
        assert done.returncode == 0, done.stderr
        assert asked[-2:] == ["/m.tflite?x=1", "/m.tflite.sig?x=1"]


def test_a_fragment_is_no_part_of_what_is_fetched(tmp_path: Path) -> None:
    model, key = write_model(tmp_path / "m.tflite"), make_key(tmp_path / "key")
    allow(tmp_path / "store" / "allowed_signers", anna=key)
    ssh_sign(model, key)
    with serving(files(tmp_path)) as (url, asked):
        done = graft_device("install", f"{url}/m.tflite?x=1#part", "--store", tmp_path / "store")
        assert done.returncode == 0, done.stderr
        assert asked == ["/m.tflite?x=1", "/m.tflite.sig?x=1"]


def test_a_store_of_objects_forbids_what_is_not_there(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite")
    allow(tmp_path / "store" / "allowed_signers", anna=make_key(tmp_path / "key"))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.endswith(".sig"):
            handler.send_error(403)
        else:
            send(handler, model.read_bytes())

    with serving(answer) as (url, _):
        done = graft_device("install", f"{url}/m.tflite", "--store", tmp_path / "store")
    assert "it is not signed" in error_line(done, ExitCode.SIGNATURE)


def test_headers_that_drip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "HEAD_S", 0.5)
    ended = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
        with contextlib.suppress(OSError):
            while not ended.wait(0.1):
                handler.wfile.write(b"X: y\r\n")

    with serving(answer) as (url, _):
        with pytest.raises(FetchError, match=r"the server does not answer within 0\.5 seconds"):
            fetch.fetch(f"{url}/m.tflite", tmp_path / "m", 1000)
        ended.set()


def test_what_does_not_arrive_whole_changes_nothing(tmp_path: Path) -> None:
    data = write_model(tmp_path / "m.tflite").read_bytes()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.strip("/")
        if name == "short":
            send(handler, data[:-10], len(data))
        elif name == "huge":
            send(handler, data, intake.LIMIT + 1)
        elif name == "elsewhere":
            handler.send_response(302)
            handler.send_header("Location", "file:///etc/passwd")
            handler.end_headers()
        elif name == "broken":
            handler.wfile.write(b"what?\r\n\r\n")
        else:
            handler.send_error(503)

    store = tmp_path / "store"
    with serving(answer) as (url, _):
        for name, words in {
            "short": f"the connection ended after {len(data) - 10} of {len(data)} bytes; try again",
            "huge": "it is larger than the 512 MB that a model may have",
            "elsewhere": "",
            "broken": "",
            "busy": "the server answers 503 Service Unavailable",
        }.items():
            line = error_line(graft_device("install", f"{url}/{name}", "--store", store), ExitCode.FETCH)
            assert words in line
            assert f"{url}/{name}" in line
            assert not (store / "current").exists()
            assert list((store / "staging").iterdir()) == []
    line = error_line(graft_device("install", f"{url}/m.tflite", "--store", store), ExitCode.FETCH)
    assert "connection refused" in line.lower()


def test_the_limit_holds_where_the_server_tells_no_size(tmp_path: Path) -> None:
    with serving(lambda handler: send(handler, bytes(5000), None)) as (url, _):
        fetch.fetch(url, tmp_path / "fits", 5000)
        assert (tmp_path / "fits").stat().st_size == 5000
        with pytest.raises(FetchError, match="larger"):
            fetch.fetch(url, tmp_path / "does_not", 4999)


def test_a_server_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_S", 0.2)
    given_up = threading.Event()
    sent: list[bytes] = []

    def drip(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", 100_000)
        for _ in range(2400):  # two minutes in all
            with contextlib.suppress(OSError):
                handler.wfile.write(b"x")
            sent.append(b"x")
            if given_up.wait(0.05):
                return

    with serving(drip) as (url, _):
        with pytest.raises(FetchError, match="it takes longer than"):
            fetch.fetch(url, tmp_path / "model", 1_000_000)
        given_up.set()
    assert len(sent) < 2400


def test_what_is_told_of_the_size_comes_before_the_writing(tmp_path: Path) -> None:
    def refuse(size: int) -> None:
        assert size == 5000
        raise StoreError("no room")

    with serving(lambda handler: send(handler, bytes(5000))) as (url, _), pytest.raises(StoreError):
        fetch.fetch(url, tmp_path / "model", 10_000, refuse)
    assert not (tmp_path / "model").exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with serving(files(tmp_path)) as (url, _), pytest.raises(NotThereError, match="404"):
        fetch.fetch(f"{url}/nothing", tmp_path / "model", 100)


DISK = """
import subprocess, sys
disk, url = sys.argv[1:]
done = subprocess.run([sys.executable, "-m", "graft_device.cli", "install", url, "--store", f"{disk}/store"],
                      capture_output=True, text=True)
print(done.returncode)
print(done.stderr.strip())
"""


def test_a_disk_that_fills_up_on_the_way(tmp_path: Path) -> None:
    with serving(lambda handler: send(handler, bytes(3_000_000), None)) as (url, _):
        status, line = run_on_small_disk(2048, DISK, url).splitlines()
    assert int(status) == ExitCode.STORE
    assert "no space left on device; free some space, or choose another folder with --store" in line


def redirect(handler: BaseHTTPRequestHandler, target: str, body: bytes = b"") -> None:
    handler.send_response(302)
    handler.send_header("Location", target)
    handler.end_headers()
    handler.wfile.write(body)


REDIRECTIONS = {
    "ftp://me:secret@127.0.0.1/x": "it redirects to an address that is neither http nor https",
    "file:///etc/passwd?secret": "it redirects to an address that is neither http nor https",
    "data:,secret": "it redirects to an address that is neither http nor https",
    "http://[secret": "it redirects to an address that cannot be read",
    "/again": "it redirects in a circle, or too often",
}


@pytest.mark.parametrize("target", REDIRECTIONS)
def test_redirections_that_are_not_followed(target: str, tmp_path: Path) -> None:
    with serving(lambda handler: redirect(handler, target)) as (url, _), pytest.raises(FetchError) as caught:
        fetch.fetch(f"{url}/m.tflite", tmp_path / "m", 1000)
    assert str(caught.value) == f"cannot download {url}/m.tflite: {REDIRECTIONS[target]}"


def test_redirections_that_are_followed(tmp_path: Path) -> None:
    """What comes with one is not read, since it may never end."""
    seen: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        if handler.path == "/m.tflite":
            with contextlib.suppress(OSError):
                redirect(handler, "sub/n.tflite", bytes(50_000_000))
        elif handler.path == "/sub/n.tflite":
            redirect(handler, f"http://other:words@{handler.headers['Host']}/o.tflite?t=1")
        else:
            send(handler, b"here")

    with serving(answer) as (url, asked):
        fetch.fetch(url.replace("http://", "HTTP://me:se%63ret@") + "/m.tflite", tmp_path / "m", 1000)
    assert (tmp_path / "m").read_bytes() == b"here"
    assert asked == ["/m.tflite", "/sub/n.tflite", "/o.tflite?t=1"]
    assert seen == ["Basic bWU6c2VjcmV0", None, None], "a password is for its own host alone"


def test_a_redirection_never_leaves_encryption(tmp_path: Path) -> None:
    key, certificate = localhost_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    model = write_model(tmp_path / "m.tflite")
    with serving(files(tmp_path)) as (plain, asked):

        def answer(handler: BaseHTTPRequestHandler) -> None:
            redirect(handler, plain.replace("http://", "hTTp://") + "/m.tflite")

        with serving(answer, context) as (url, _):
            for scheme in ("https", "HTTPS", "hTTpS"):
                place = url.replace("http://127.0.0.1", f"{scheme}://localhost") + f"/{model.name}"
                done = graft_device(
                    "install",
                    place,
                    "--store",
                    tmp_path / "store",
                    env={**os.environ, "SSL_CERT_FILE": str(certificate)},
                )
                line = error_line(done, ExitCode.FETCH)
                assert line == f"error: cannot download {place}: it redirects from https to an unencrypted address"
    assert asked == []


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (["9" * 5000], "not a number or far too large"),
        (["-5"], "not a number or far too large"),
        (["four"], "not a number or far too large"),
        (["4\u00b2"], "not a number or far too large"),
        ([""], "not a number or far too large"),
        (["4", "5"], "several sizes"),
        (["4, 5"], "several sizes"),
        (["9" * 17], "larger than"),
        (["4", "4"], None),
        (["4,4"], None),
        (["4"], None),
    ],
)
def test_sizes_that_a_server_gives(lengths: list[str], words: str | None, tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for length in lengths:
            handler.send_header("Content-Length", length)
        handler.end_headers()
        handler.wfile.write(b"here")

    with serving(answer) as (url, _):
        if words is None:
            fetch.fetch(url, tmp_path / "m", 1000)
            assert (tmp_path / "m").read_bytes() == b"here"
        else:
            with pytest.raises(FetchError, match=words) as caught:
                fetch.fetch(url, tmp_path / "m", 1000)
            assert len(str(caught.value)) < 200


def test_bodies_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trickle, and the head of a chunk that grows byte by byte."""
    monkeypatch.setattr(fetch, "PACE_S", 0.5)
    ended = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        if handler.path == "/chunk":
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not ended.wait(0.02):
                handler.wfile.write(b"0")

    with serving(answer) as (url, _):
        try:
            for name in ("trickle", "chunk"):
                with pytest.raises(FetchError, match=r"only \d+ bytes came in 0\.5 seconds; try again"):
                    fetch.fetch(f"{url}/{name}", tmp_path / "m", 1_000_000)
        finally:
            ended.set()


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite")
    outputs = []
    with serving(files(tmp_path)) as (url, _):
        secret = url.replace("http://", "http://me:s%65cret@")
        for place in (
            f"{secret}/m.tflite?token=secret#secret",
            f"{secret}/nothing?token=secret",
            "http://me:secret@127.0.0.1:1/m.tflite",
            "http://me:secret@127.0.0.1:port/m.tflite",
            "http://me:secret@[::1/m.tflite",
            "ftp://me:secret@127.0.0.1/m.tflite",
            f"{secret}/m.tflite?token=a secret",
        ):
            for more in ([], ["--sha256", "0" * 64], ["--json"], ["--signature", f"{place}.sig"]):
                done = graft_device("install", place, "--store", tmp_path / "store", *more)
                outputs.append(done.stdout + done.stderr)
                assert "Traceback" not in done.stderr
    assert not [text for text in outputs if "secret" in text or "s%65cret" in text]
    assert any(slot_id(model) in text for text in outputs)
    assert not any("secret" in path.read_text() for path in (tmp_path / "store").rglob("slot.json"))


def test_names(tmp_path: Path) -> None:
    assert [is_url(text) for text in ("http://a/b", "HTTPS://a", "a.tflite", "/a", "file:///a", "c:b")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert is_url("http://[::1/m.tflite")
    line = error_line(graft_device("install", "http://[::1/m.tflite", "--store", tmp_path / "store"), ExitCode.FETCH)
    assert line.startswith("error: cannot download http://[::1/m.tflite: ")
    assert file_name("https://x.org/a/pets%201.tflite?v=2#top") == "pets 1.tflite"
