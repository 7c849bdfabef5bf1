from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import subprocess
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft_device.serve.settings import ServeError, ServeSettings, check, listen
from tests.conftest import graft_device
from tests.device.test_runtime import each_runtime
from tests.support.device_models import COLOURS, LABELS, SIZE, make_card, write_artifact
from tests.support.serving import ROOT, TOKEN, Server, command, form, metric, photo, raw, refused, serving

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serving(model, "--max-mb", 1, "--queue", 20) as running:
        yield running


def claimed_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, and that contains almost nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# Answers


@each_runtime
def test_the_answer_equals_that_of_classify(runtime: str, model: Path, tmp_path: Path) -> None:
    with serving(model, "--runtime", runtime, "--threads", 1) as server:
        assert runtime in server.said[-1]
        paths = [tmp_path / f"{colour}.png" for colour in COLOURS]
        for path in paths:
            path.write_bytes(photo(path.stem))
        done = graft_device("classify", model, *paths, "--json", "--runtime", runtime)
        for colour, line in zip(COLOURS, done.stdout.splitlines()):
            expected, answer = json.loads(line), server.classify(photo(colour)).json()
            assert answer.keys() == {"predictions", "unknown", "ms"}
            assert answer["predictions"] == expected["predictions"]
            assert answer["predictions"][0]["label"] == colour
            assert answer["unknown"] is expected["unknown"] is False
            assert answer["ms"].keys() == {"preprocess", "invoke", "queue"}
            assert all(value >= 0 for value in answer["ms"].values())
        assert server.end() == 0


def test_a_photo_may_come_as_a_form_or_in_chunks(server: Server) -> None:
    body, kind = form("image", photo("blue"))
    others = b'--xxGRAFTxx\r\nContent-Disposition: form-data; name="note"\r\n\r\n--image\r\n'
    for sent in (body, others + body):
        assert server.classify(sent, kind=kind).json()["predictions"][0]["label"] == "blue"
    assert server.classify(photo("green"), kind="application/octet-stream").status == 200
    pieces = photo("green")
    connection = server.connect()
    connection.request(
        "POST", "/v1/classify", (pieces[n : n + 7] for n in range(0, len(pieces), 7)),
        {"Content-Type": "image/png", "Transfer-Encoding": "chunked"}, encode_chunked=True,
    )  # fmt: skip
    assert json.loads(connection.getresponse().read())["predictions"][0]["label"] == "green"
    connection.close()


def test_parameters(server: Server, tmp_path: Path) -> None:
    assert len(server.classify(photo(), "?top_k=1").json()["predictions"]) == 1
    assert len(server.classify(photo(), "?top_k=3&unknown=false").json()["predictions"]) == 3
    unsure = write_artifact(
        tmp_path / "unsure.tflite", card=replace(make_card(), thresholds={"unknown": {"score": 0.999}})
    )
    with serving(unsure, "--top-k", 2) as other:
        answer = other.classify(photo()).json()
        assert answer["unknown"] is True
        assert answer["reason"] == "uncertain"
        assert [p["label"] for p in answer["predictions"]] == ["red", "blue"]
        everything = other.classify(photo(), "?top_k=3").json()
        assert everything["unknown"] is True
        assert sum(p["score"] for p in everything["predictions"]) == pytest.approx(1, abs=0.02)
        answer = other.classify(photo(), "?unknown=false&top_k=1").json()
        assert (answer["unknown"], answer["predictions"][0]["label"]) == (False, "red")
        assert 'graft_predictions_total{label="unknown"} 2' in other.get("/metrics").body.decode()


def test_a_photo_is_rotated_as_its_exif_data_says(server: Server) -> None:
    from PIL import Image

    from graft_device.preprocess import preprocess
    from tests.support.serving import encoded

    image = Image.new("RGB", (60, 40), COLOURS["red"])
    exif = Image.Exif()
    exif[0x0112] = 6
    sent = encoded(image, "JPEG", exif=exif)
    assert preprocess(sent, 32).shape == (32, 32, 3)
    assert server.classify(sent, kind="image/jpeg").json()["predictions"][0]["label"] == "red"


def test_model_and_health(server: Server, model: Path) -> None:
    found = server.get("/v1/model").json()
    assert found["model"] == "colours.tflite"
    assert found["labels"] == list(LABELS)
    assert found["bytes"] == model.stat().st_size
    assert found["card"]["image_size"] == SIZE
    assert found["limits"] == {"bytes": 1_000_000, "pixels": 16_000_000, "queue": 20, "seconds": 30}
    assert str(model.parent) not in json.dumps(found), "where the file lies is nobody's business"
    health = server.get("/healthz").json()
    assert health["status"] == "ok"
    assert 0 <= health["last_success_seconds_ago"] < 120


def test_health_runs_the_model_if_it_has_not_run_recently(model: Path) -> None:
    patch = "import graft_device.serve.health as h; h.FRESH_SECONDS = 0"
    with serving(model, patch=patch) as server:
        before = metric(server, "graft_last_success_timestamp_seconds")
        assert server.get("/healthz").status == 200
        assert before < metric(server, "graft_last_success_timestamp_seconds") <= time.time()


def test_health_reports_a_model_that_hangs(model: Path) -> None:
    patch = (
        "import time, graft_device.serve.health as h, graft_device.classifier as c, graft_device.serve.server as s\n"
        "h.FRESH_SECONDS, h.PROBE_SECONDS, s.END_SECONDS = 0, 0.3, 1\n"
        "run, calls = c.Classifier.scores, []\n"
        "c.Classifier.scores = lambda *a: (calls.append(1), time.sleep(60 * (len(calls) > 1)), run(*a))[-1]\n"
    )
    with serving(model, patch=patch) as server:
        reply = server.get("/healthz")
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        assert "has not run" in reply.detail
        assert server.get("/v1/model").status == 200
        assert server.end() == 1
        assert server.wait_for("ending without waiting for it")


# Refusals


@pytest.mark.parametrize(
    ("status", "words", "body", "query", "kind"),
    [
        (400, "the file is empty", b"", "", "image/png"),
        (400, "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image", b"garbage" * 99, "", "image/jpeg"),
        (400, "cut short", photo()[:60], "", "image/png"),
        (400, "the image is cut short or damaged", b"\0\0\0\x18ftypheic" + b"\0" * 99, "", "image/heic"),
        (400, "too large to decode", claimed_png(20_000, 10_000), "", "image/png"),
        (400, "or 64 for a JPEG); send a smaller photo", claimed_png(5000, 5000), "", "image/png"),
        (400, "has no boundary", b"x", "", "multipart/form-data"),
        (400, "cannot be read", b"no form at all", "", "multipart/form-data; boundary=x"),
        (400, "cut short", form("image", photo())[0][:-20], "", form("image", b"")[1]),
        (413, "more than 1 MB", b"\0" * 1_000_001, "", "image/png"),
        (413, "more than 1 MB", form("note", b"\0" * 1_000_001)[0], "", form("image", b"")[1]),
        (415, "text/plain; send an image, for example: curl", b"x", "", "text/plain"),
        (415, "the Content-Type is missing", b"x", "", ""),
        (415, "curl -F image=@photo.jpg", photo(), "", "application/x-www-form-urlencoded"),
        (422, "no field named 'image'", form("photo", photo())[0], "", form("image", b"")[1]),
        (422, "from 1 to 3", photo(), "?top_k=4", "image/png"),
        (422, "from 1 to 3", photo(), "?top_k=0", "image/png"),
        (422, "from 1 to 3", photo(), "?top_k=-1", "image/png"),
        (422, "from 1 to 3", photo(), "?top_k=%D9%A3", "image/png"),
        (422, "more than once", photo(), "?top_k=1&top_k=2", "image/png"),
        (422, "true or false", photo(), "?unknown=maybe", "image/png"),
        (422, "no parameter 'topk'", photo(), "?topk=2", "image/png"),
    ],
)  # fmt: skip
def test_bad_requests(server: Server, status: int, words: str, body: bytes, query: str, kind: str) -> None:
    reply = server.classify(body, query, kind)
    assert reply.status == status
    assert words in reply.detail
    assert server.classify(photo()).status == 200


def test_a_jpeg_may_have_more_pixels(model: Path) -> None:
    with serving(model, "--max-megapixels", 1) as server:
        assert server.classify(photo(size=(2000, 1999), kind="JPEG")).status == 200
        assert (
            "(2001 x 2000; the limit is 1 megapixels" in server.classify(photo(size=(2001, 2000), kind="JPEG")).detail
        )
        assert server.classify(photo(size=(1000, 1000))).status == 200
        assert server.classify(photo(size=(1001, 1000))).status == 400


def test_the_error_of_a_model_that_fails_is_printed(model: Path) -> None:
    patch = (
        "import graft_device.classifier as c, graft_device.errors as e\n"
        "run, calls = c.Classifier.scores, []\n"
        "def fail(*a):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2: raise e.ModelError('it broke')\n"
        "    return run(*a)\n"
        "c.Classifier.scores = fail"
    )
    with serving(model, patch=patch) as server:
        assert server.classify(photo()).detail == "internal server error"
        assert server.classify(photo()).status == 200
        line = server.wait_for("it broke")
        assert line == "error: unexpected ModelError at /v1/classify: it broke"
        server.said.remove(line)


def test_forms_as_mime_allows_them(server: Server) -> None:
    """A preamble, a quoted boundary, a folded header, names beside the plain one, and an epilogue."""
    body = (
        b"This is a message in MIME format.\r\n--a b\r\nContent-Type: image/png\r\nContent-Disposition: form-data;\r\n"
        b" filename*=UTF-8''caf%C3%A9.png;\r\n\tname=image; filename=\"a;b.png\"\r\n\r\n"
        + photo("blue")
        + b"\r\n--a b  \r\n\r\nnothing\r\n--a b--\r\nbye"
    )
    reply = server.classify(body, kind='multipart/form-data; charset=utf-8; boundary="a b"')
    assert reply.status == 200
    assert reply.json()["predictions"][0]["label"] == "blue"


def test_a_photo_in_another_encoding(server: Server) -> None:
    body, kind = form("image", photo())
    for encoding, status in (("binary", 200), ("8BIT", 200), ("base64", 415)):
        line = f"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        reply = server.classify(body.replace(b"\r\n\r\n", line, 1), kind=kind)
        assert reply.status == status
    assert reply.detail == "the photo has a Content-Transfer-Encoding; send its bytes as they are, without one"


def test_two_photos_in_a_form(server: Server) -> None:
    body, kind = form("image", photo())
    reply = server.classify(body.removesuffix(b"--xxGRAFTxx--\r\n") + body, kind=kind)
    assert (reply.status, "2 fields" in reply.detail) == (422, True)


def test_forms_of_any_bytes(server: Server) -> None:
    """A form with random changes is either read or refused."""
    body, kind = form("image", photo())
    for place in range(0, len(body), 3):
        for change in (body[:place], body[:place] + b"\r\n" + body[place:], body[:place] + b"\xff" + body[place + 1 :]):
            assert server.classify(change, kind=kind).status in {200, 400, 415, 422}


def test_a_body_that_grows_too_large_is_refused_while_it_comes(server: Server) -> None:
    """The request does not give its length, and what arrives after the refusal is not kept."""
    before = server.resident()
    with socket.create_connection(server.address, 30) as connection:
        connection.sendall(
            b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(40):
            connection.sendall(b"100000\r\n" + b"\0" * 0x100000 + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert server.resident() - before < 15e6


def test_paths_and_methods(server: Server) -> None:
    for path in ("/nowhere", "/v1/classify/", "/page/index.html", "/..%2f..%2fetc/passwd", "//"):
        reply = server.get(path)
        assert (reply.status, "openapi.json" in reply.detail) == (404, True)
    for method, path, allowed in (("GET", "/v1/classify", {"POST"}), ("POST", "/healthz", {"GET", "HEAD"})):
        reply = server.ask(method, path)
        assert reply.status == 405
        assert reply.detail
        assert set(reply.headers["allow"].split(", ")) == allowed
    assert server.ask("HEAD", "/v1/model").body == b""


def test_a_request_with_a_full_url(server: Server) -> None:
    """Every server must accept one (RFC 9112, 3.2.2); the host in the URL counts, not the header."""
    head = "GET http://{} HTTP/1.1\r\nHost: nowhere\r\nConnection: close\r\n\r\n"
    assert raw(server, head.format("localhost/healthz").encode()).startswith(b"HTTP/1.1 200 ")
    assert raw(server, head.format("localhost").encode()).startswith(b"HTTP/1.1 200 ")
    assert raw(server, head.format("elsewhere/healthz").encode()).startswith(b"HTTP/1.1 421 ")
    assert raw(server, head.format("localhost/none").encode()).startswith(b"HTTP/1.1 404 ")


def test_an_invalid_transfer_encoding(server: Server) -> None:
    assert server.classify(photo(), **{"Content-Encoding": "Identity"}).status == 200
    assert server.classify(photo(), **{"Content-Encoding": "gzip"}).status == 415


def test_what_is_not_http(server: Server) -> None:
    assert raw(server, b"\x16\x03\x01 this is TLS\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    no_chunk = b"POST /none HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    assert raw(server, no_chunk).count(b"HTTP/1.1 ") == 1  # the answer of the path would come after this one
    no_length = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n"
    assert raw(server, no_length).startswith(b"HTTP/1.1 411 ")
    twice = no_length.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert b"HTTP/1.1 " in raw(server, twice)
    assert server.classify(photo()).status == 200


# Access


def test_token(model: Path) -> None:
    with serving(model, env={"GRAFT_TOKEN": TOKEN}) as server:
        for shown in ("", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer caf\xe9"):
            for path in ("/v1/model", "/metrics", "/v1/nowhere"):
                reply = server.get(path, **({"Authorization": shown} if shown else {}))
                assert reply.status == 401
                assert "token" in reply.detail
                assert TOKEN not in reply.detail
                assert reply.headers["www-authenticate"].startswith("Bearer")
        assert server.classify(photo()).status == 401
        assert server.classify(photo(), **BEARER).status == 200
        assert server.get("/v1/model", Authorization=f"bearer {TOKEN}").status == 200
        assert [server.get(path).status for path in ("/", "/app.js", "/healthz", "/openapi.json")] == [200] * 4
        assert "token" in server.get("/openapi.json").json()["components"]["securitySchemes"]
    assert TOKEN not in "".join(server.said)


def test_a_token_in_a_file(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with serving(model, "--token-file", file) as server:
        assert server.get("/v1/model").status == 401
        assert server.get("/v1/model", **BEARER).status == 200
    assert "cannot read token file" in refused(model, "--token-file", tmp_path / "nowhere")
    assert "two tokens" in refused(model, "--token-file", file, env={"GRAFT_TOKEN": TOKEN})
    file.write_bytes(b"\xff" * 20)
    assert "does not contain a token; make one with" in refused(model, "--token-file", file)
    file.write_text("short")
    assert "too short" in refused(model, "--token-file", file)
    file.write_text(" \n")
    assert "is empty, so it does not contain a token" in refused(model, "--token-file", file)


def test_an_open_server_needs_the_option_insecure(model: Path) -> None:
    with serving(model, "--host", "::", "--insecure") as server:
        assert any("warning: --insecure: everybody" in line for line in server.said)
        server.url = server.url.replace("[::]", "[::1]")
        for host in ("board.local", "board", "10.0.0.7:80", "[fe80::1]:8000", "localhost"):
            assert server.get("/healthz", Host=host).status == 200
        for host in ("evil.example", "10.0.0.7.evil.example", "local.evil.example:80"):
            reply = server.get("/healthz", Host=host)
            assert (reply.status, f"--allow-host {host.partition(':')[0]}" in reply.detail) == (421, True)
        assert server.get("/healthz", Host="bad host").status == 421


def test_other_names_are_accepted_if_they_are_allowed_or_a_token_is_needed(model: Path) -> None:
    with serving(model, "--allow-host", "pets.example") as server:
        assert server.classify(photo(), Host="pets.example", Origin="https://pets.example").status == 200
        assert server.get("/healthz", Host="dogs.example").status == 421
    with serving(model, "--host", "0.0.0.0", "--token", TOKEN) as server:  # noqa: S104
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert server.get("/v1/model", Host="pets.example", **BEARER).status == 200


def test_names_of_other_hosts_are_refused_on_loopback(server: Server) -> None:
    port = server.address[1]
    for host in (
        "localhost",
        f"localhost:{port}",
        f"127.0.0.1:{port}",
        "127.9.9.9",
        f"[::1]:{port}",
        "graft.localhost",
    ):
        assert server.get("/healthz", Host=host).status == 200
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "10.0.0.1", "localhost@evil.example",
                 "[::1", "[evil]:80", "127.0.0.1.nip.io", "0.0.0.0"):  # fmt: skip  # noqa: S104
        reply = server.get("/healthz", Host=host)
        assert (reply.status, "host" in reply.detail) == (421, True), host


def test_pages_of_other_sites_are_refused(server: Server) -> None:
    port = server.address[1]
    assert server.classify(photo(), Origin=f"http://127.0.0.1:{port}").status == 200
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
        reply = server.classify(photo(), Origin=origin)
        assert (reply.status, "--allow-origin" in reply.detail) == (403, True)
        assert "access-control-allow-origin" not in reply.headers
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert server.ask("OPTIONS", "/v1/classify", headers=asked).status == 403


def test_the_advice_for_a_refused_page_works(model: Path, server: Server) -> None:
    """Whatever ``--allow-origin`` is given in the answer lets the page in."""
    for origin in ("https://evil.example", "null", "moz-extension://1a2b-3c", "capacitor://localhost", "https://my_host:1",
                   "file://", "x y"):  # fmt: skip
        detail = server.classify(photo(), Origin=origin).detail
        advised = re.findall(r"--allow-origin ('\*'|\S+)", detail)
        value = advised[-1].strip("',")
        assert value == (origin if origin not in {"null", "file://", "x y"} else "*")
        with serving(model, "--allow-origin", value) as advised_server:
            reply = advised_server.classify(photo(), Origin=origin)
            assert reply.status == 200
            assert reply.headers["access-control-allow-origin"] == origin


def test_pages_of_allowed_sites(model: Path) -> None:
    with serving(model, "--allow-origin", "https://a.example", "--allow-origin", "http://b.example:8080") as server:
        for origin in ("https://a.example", "http://b.example:8080"):
            reply = server.classify(photo(), Origin=origin)
            assert reply.status == 200
            assert reply.headers["access-control-allow-origin"] == origin
            assert reply.headers["vary"] == "Origin"
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            reply = server.ask("OPTIONS", "/v1/classify", headers=asked)
            assert reply.status == 204
            assert "authorization" in reply.headers["access-control-allow-headers"].lower()
        assert server.classify(photo(), Origin="https://a.example.evil").status == 403
        assert server.classify(b"garbage", Origin="https://a.example").headers["access-control-allow-origin"]


def test_headers_of_the_page(server: Server) -> None:
    for path in (
        "/",
        "/shared/answer.css",
        "/shared/answer.js",
        "/app.js",
        "/shared/base.css",
        "/shared/tokens.css",
        "/shared/camera.js",
        "/shared/card.js",
        "/shared/icon.svg",
        "/shared/server.js",
        "/style.css",
        "/view.js",
        "/shared/words.js",
    ):
        reply = server.get(path)
        assert reply.status == 200
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
        assert reply.headers["x-content-type-options"] == "nosniff"
        tag = reply.headers["etag"]
        assert tag.startswith('"')
        again = server.get(path, **{"If-None-Match": f'"other", {tag}'})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert server.get(path, **{"If-None-Match": '"other"'}).status == 200
    assert server.get("/v1/model").headers["cache-control"] == "no-store"


# Metrics


def test_metrics(model: Path, tmp_path: Path) -> None:
    named = write_artifact(tmp_path / 'a"b.tflite', labels=['re"d', "gr\\een", "blue"])
    with serving(named) as server:
        for colour in ("red", "red", "green"):
            assert server.classify(photo(colour)).status == 200
        server.classify(b"garbage")
        server.get("/one-of-many-paths")
        text = server.get("/metrics").body.decode()
    values: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (counter|gauge|histogram))", line)
            continue
        found = re.fullmatch(r'(\w+(?:\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\})?) (\S+)', line)
        assert found is not None, line
        assert found[1] not in values, "a series must not come twice"
        values[found[1]] = float(found[2])
    assert values['graft_http_requests_total{method="POST",route="/v1/classify",status="200"}'] == 3
    assert values['graft_http_requests_total{method="POST",route="/v1/classify",status="400"}'] == 1
    assert values['graft_http_requests_total{method="GET",route="other",status="404"}'] == 1
    assert values[r'graft_predictions_total{label="re\"d"}'] == 2
    assert values[r'graft_predictions_total{label="gr\\een"}'] == 1
    assert values['graft_photo_duration_seconds_count{stage="invoke"}'] == 3
    assert values['graft_photo_duration_seconds_bucket{le="+Inf",stage="invoke"}'] == 3
    assert values["graft_queue_length"] == 0
    assert values["process_resident_memory_bytes"] > 1e7
    names = [name for name in values if re.match(r'graft_photo_duration_seconds_bucket\{.*stage="queue"', name)]
    assert [values[name] for name in names] == sorted(values[name] for name in names)
    assert len(names) == 15


# Starting


def test_errors_at_the_start(model: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(model.read_bytes()[:-100])
    assert "cut short" in refused(tmp_path / "cut.tflite", "--port", 0)
    assert "No such file" in refused(tmp_path / "nowhere.tflite", "--port", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is in use" in refused(model, "--port", port)
    assert "too short" in refused(model, env={"GRAFT_TOKEN": "short"})


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("is not an address of this machine", {"host": "192.0.2.1", "token": TOKEN}),
        ("no such address", {"host": "no.such.host.invalid"}),
        ("can be reached from the network; give --token", {"host": "0.0.0.0"}),  # noqa: S104
        ("can be reached from the network; give --token", {"host": "::"}),
        ("too short", {"token": ""}),
        ("too short", {"token": "fifteen-letters"}),
        ("letters, digits", {"token": "sixteen letters with a space"}),
        ("is not an origin", {"origins": ("https://a.example/path",)}),
        ("is not an origin", {"origins": ("a.example",)}),
        ("is not a host name", {"hosts": ("a.example:80",)}),
        ("is not a host name", {"hosts": ("https://a.example",)}),
    ],
)
def test_settings_that_are_refused(words: str, options: dict[str, Any]) -> None:
    settings = ServeSettings(**{"model": Path("m.tflite"), "port": 0, **options})
    with pytest.raises(ServeError, match=words):  # noqa: PT012  either of the two may raise
        check(settings)
        listen(settings).socket.close()


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    """What asyncio asks a socket before it sets TCP_NODELAY on its connections; without it, each answer takes 40 ms."""
    with listen(ServeSettings(model=Path("m.tflite"), port=0)).socket as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_the_error_of_a_missing_package_contains_the_command_that_installs_it(model: Path) -> None:
    patch = "import importlib.util as u; real = u.find_spec; u.find_spec = lambda n, *a: n != 'uvicorn' and real(n, *a)"
    line = refused(
        model, patch=patch.replace("n != 'uvicorn' and real(n, *a)", "None if n == 'uvicorn' else real(n, *a)")
    )
    assert "(no uvicorn)" in line
    assert re.search(r'pip install "\./graftkit-\S+-py3-none-any\.whl\[serve\]"$', line)


def test_help_has_an_example() -> None:
    done = subprocess.run(command("--help"), capture_output=True, text=True, check=False, cwd=ROOT)
    assert re.search(r"^ *Example: +graft-device serve \S+\.tflite", done.stdout, re.MULTILINE)
    assert "GRAFT_TOKEN" in done.stdout


def test_no_photo_touches_the_disk(model: Path, tmp_path: Path) -> None:
    with serving(model, env={"TMPDIR": str(tmp_path)}) as server:
        body, kind = form("image", photo(size=(900, 900)) + b"\0" * 3_000_000)
        connection = server.connect()
        connection.putrequest("POST", "/v1/classify")
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body[:-9])
        time.sleep(0.3)
        targets = [str(file.readlink()) for file in Path(f"/proc/{server.process.pid}/fd").iterdir()]
        assert not [target for target in targets if str(tmp_path) in target]
        connection.send(body[-9:])
        assert connection.getresponse().status == 200
        connection.close()
        assert list(tmp_path.iterdir()) == []


def test_classify_does_not_import_the_server(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(photo())
    program = (
        "import sys; from graft_device import cli; sys.argv[1:] = sys.argv[1:]\n"
        "try: cli.main()\nexcept SystemExit: print(sorted(sys.modules))"
    )
    run = [*command(model)[:1], "-c", program, "classify", str(model), str(tmp_path / "a.png")]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "'PIL'" in done.stdout
    for name in ("starlette", "uvicorn", "h11", "anyio", "asyncio", "python_multipart", "graft_device.serve"):
        assert f"'{name}'" not in done.stdout


def test_keep_alive(server: Server) -> None:
    connection: http.client.HTTPConnection = server.connect()
    for _ in range(20):
        connection.request("POST", "/v1/classify", photo(), {"Content-Type": "image/png"})
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        assert response.getheader("connection") is None
    connection.close()
