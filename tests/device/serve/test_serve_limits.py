from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request

from graft_device.classifier import Classifier
from graft_device.errors import ModelError, PhotoError
from graft_device.run.opened import open_copy
from graft_device.serve.addresses import group, is_local
from graft_device.serve.connections import MAX_CONNECTIONS
from graft_device.serve.listening import RateLimited
from graft_device.serve.photos import Budget, Upload
from graft_device.serve.problems import ProblemError
from graft_device.serve.worker import FullError, Worker
from tests.device.test_runtime import each_runtime
from tests.support.device_models import COLOURS, write_artifact
from tests.support.notices import notices
from tests.support.serving import ROOT, Reply, Server, command, eventually, in_background, metric, photo, raw, serving

SLOW_SIDE = 500
"""The side of an image whose decoding the tests hold up."""

HEARD = (
    "import sys, graft_device.serve.photos as p, graft_device.serve.worker as w\n"
    "def heard(function, word, late):\n"
    "    def call(*a, **k):\n"
    "        if not late: print('note:', word, file=sys.stderr, flush=True)\n"
    "        result = function(*a, **k)\n"
    "        if late: print('note:', word, file=sys.stderr, flush=True)\n"
    "        return result\n"
    "    return call\n"
    "p.Upload.photo = heard(p.Upload.photo, 'reading', False)\n"
    "w.Worker.submit = heard(w.Worker.submit, 'submitted', True)\n"
)
"""Has the server print when it begins to read a photo, and when the photo is complete and in the queue."""


def held(gate: Path) -> str:
    """Makes the process that decodes wait with such an image until a file exists; the server prints as ``HEARD``."""
    wait = f"while s.size[0] >= {SLOW_SIDE} and not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    decoder = (
        "import os, time, PIL.Image as i; real = i.Image.load\n"
        f"def load(s):\n    {wait}\n    return real(s)\n"
        "i.Image.load = load\n"
    )
    return (
        f"{HEARD}import graft_device.preprocess.decoding_process as d; words = d.command\n"
        f"d.command = lambda name: [{decoder!r} + w if 'importlib' in w else w for w in words(name)]"
    )


LEAP_SECONDS = 100
"""By how much each file in a folder sets the clock of a server ahead."""


def clock(folder: Path) -> str:
    """Has the server's clock leap ahead with each file in a folder, so that nothing depends on the time that passes."""
    return (
        "import asyncio, os, time\n"
        f"leaps = lambda: len(os.listdir({str(folder)!r})) * {LEAP_SECONDS}\n"
        "asyncio.BaseEventLoop.time = lambda self: time.monotonic() + leaps()\n"
    )


def leap(folder: Path) -> None:
    """Sets that clock ahead."""
    (folder / f"leap {len(list(folder.iterdir()))}").touch()


SLOW_HEADS = "import graft_device.serve.connections as s; s.HEAD_SECONDS = 600"
"""Clients may be as slow as a busy machine."""

FAST_HEADS = "import graft_device.serve.connections as s; s.HEAD_SECONDS = 0.5"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    return photo("green", (SLOW_SIDE, SLOW_SIDE))


# Limits of time and memory


def test_a_full_queue(model: Path, slow_photo: bytes, tmp_path: Path) -> None:
    with serving(model, "--queue", 1, patch=held(tmp_path / "gate")) as server:
        replies: list[Reply] = []
        threads = [in_background(server, slow_photo, replies) for _ in range(6)]
        assert eventually(lambda: len(replies) == 4), "one is decoded and one waits"
        assert eventually(lambda: metric(server, "graft_queue_length") == 1)
        reply = server.classify(photo())
        assert (reply.status, "queue is full" in reply.detail) == (503, True)
        assert int(reply.headers["retry-after"]) >= 1
        assert server.get("/healthz").status == 200
        (tmp_path / "gate").touch()
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [503] * 4 + [200] * 2
        assert server.classify(photo()).status == 200


def test_a_photo_that_takes_for_ever_does_not_keep_the_worker(model: Path, slow_photo: bytes, tmp_path: Path) -> None:
    with serving(model, "--timeout", 2.5, patch=held(tmp_path / "never")) as server:
        reply = server.classify(slow_photo)
        assert (reply.status, "2.5 seconds" in reply.detail) == (504, True)
        assert eventually(lambda: server.classify(photo()).status == 200)
        assert server.get("/healthz").status == 200
        with contextlib.closing(server.connect()) as client:
            client.request("POST", "/v1/classify", slow_photo, {"Content-Type": "image/png"})
            assert eventually(lambda: len(children(server)) == 1)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(120) == 0, "a decoder that does not end is no reason to be killed"


def children(server: Server) -> list[str]:
    """The numbers of the server's child processes."""
    threads = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [number for thread in threads for number in thread.read_text().split()]


@pytest.mark.parametrize("kind", ["CMYK", "RGB"])
def test_a_photo_is_refused_by_the_memory_that_it_would_take(model: Path, kind: str) -> None:
    """62 megapixels of progressive CMYK take half a GB: a server has no more for everything."""
    with BytesIO() as memory:
        Image.new(kind, (7900, 7900)).save(memory, "JPEG", progressive=True)
        data = memory.getvalue()
    with serving(model) as server:
        reply = server.classify(data)
        assert reply.status == 400
        assert re.match(
            r"too large to decode here \(7900 x 7900, which takes \d+ MB; the limit is 19\d MB\)", reply.detail
        )
        assert server.classify(photo()).status == 200


def test_a_photo_that_takes_too_long_to_arrive(model: Path) -> None:
    with serving(model, "--timeout", 0.3) as server:
        head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
        assert raw(server, head + b"slow").startswith(b"HTTP/1.1 408 ")


def test_slow_clients_do_not_delay_others_and_are_disconnected(model: Path, tmp_path: Path) -> None:
    """A head may take one and a half of the leaps of the clock."""
    slow_head = f"import graft_device.serve.connections as s; s.HEAD_SECONDS = {1.5 * LEAP_SECONDS}"
    patch = f"{HEARD}{clock(tmp_path)}{slow_head}"
    with serving(model, "--timeout", 600, patch=patch) as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(server.address, 120)) for _ in range(100)]
        for number, connection in enumerate(slow):
            connection.sendall([b"", b"GET / HT", b"GET / HTTP/1.1\r\nX-Slow: "][number % 3])
        for colour in COLOURS:
            assert server.classify(photo(colour)).status == 200
            server.wait_for("submitted")
        body = photo()
        kept = server.connect()
        kept.putrequest("POST", "/v1/classify")
        kept.putheader("Content-Type", "image/png")
        kept.putheader("Content-Length", str(len(body)))
        kept.endheaders(body[:9])
        server.wait_for("reading")
        leap(tmp_path)
        for connection in slow[2::3]:
            connection.sendall(b"x")
        assert server.get("/healthz").status == 200  # the server has read what was sent before
        assert all(is_open(connection) for connection in slow)
        leap(tmp_path)
        assert all(is_closed(connection) for connection in slow)
        kept.send(body[9:])  # a slow body is allowed, unlike a slow head
        assert kept.getresponse().read().startswith(b'{"predictions"')
        kept.send(b"GET / HT")  # the limit applies to the second head of a connection too
        assert server.get("/healthz").status == 200  # so it is no idle connection when the clock leaps
        leap(tmp_path)
        assert server.get("/healthz").status == 200
        assert is_open(kept.sock)
        leap(tmp_path)
        assert is_closed(kept.sock)
        kept.close()


def is_closed(connection: socket.socket) -> bool:
    """Waits until the server has closed a connection on which it sends nothing."""
    connection.settimeout(120)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_client_that_does_not_read(model: Path) -> None:
    with serving(model, patch=FAST_HEADS) as server:
        before = server.open_files()
        with socket.create_connection(server.address, 10) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(3000):
                    connection.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)
            assert eventually(lambda: server.open_files() <= before)


def test_many_slow_uploads_do_not_fill_the_memory(model: Path) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 999999\r\n\r\n"
    with serving(model, "--max-mb", 1, "--queue", 0) as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(server.address, 10)) for _ in range(5)]
        for connection in slow:
            with contextlib.suppress(ConnectionError):  # it may be refused before all is sent
                connection.sendall(head + b"\0" * 700_000)
        assert eventually(lambda: len(select.select(slow, [], [], 0)[0]) >= 3)
        time.sleep(0.3)
        refused = select.select(slow, [], [], 0)[0]
        assert 3 <= len(refused) < 5, "two of them are what --max-mb and --queue have room for"
        refusals = [connection.recv(65536).lower() for connection in refused]
        assert all(answer.startswith(b"http/1.1 503 ") and b"retry-after: 1" in answer for answer in refusals)
        assert server.classify(photo()).status == 200
        stack.close()
        assert eventually(lambda: server.classify(b"\0" * 999_000).status == 400)


def test_a_refused_upload_makes_room_for_the_others_at_once() -> None:
    """Five uploads hold 400 kB each of the 2 MB, and their next 300 kB arrive in the same iteration of the loop."""
    budget = Budget(2_000_000)

    async def upload(turn: asyncio.Event) -> bool:
        parts = iter([400_000, 300_000])

        async def receive() -> dict[str, object]:
            size = next(parts)
            if size == 300_000:
                await turn.wait()
            return {"type": "http.request", "body": b"\0" * size, "more_body": size == 400_000}

        headers = [(b"content-type", b"image/png"), (b"content-length", b"700000")]
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        with Upload(request, 1_000_000, budget) as reading:
            try:
                await asyncio.wait_for(reading.photo(), 10)  # in a separate task, as in the server
            except ProblemError:
                return False
            await asyncio.sleep(0.1)
            return True

    async def all_at_once() -> list[bool]:
        turn = asyncio.Event()
        uploads = [asyncio.ensure_future(upload(turn)) for _ in range(5)]
        while budget.held < 2_000_000:
            await asyncio.sleep(0)
        turn.set()
        return await asyncio.gather(*uploads)

    assert sum(asyncio.run(all_at_once())) == 2
    assert budget.held == 0


def test_the_log_stays_short_when_file_descriptors_run_out(model: Path) -> None:
    with serving(model) as server:
        server.get("/healthz")
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (server.open_files() + 3, hard))
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(server.address, 10))
            assert "out of system resource" in server.wait_for("error: ")
            time.sleep(1.5)
        assert sum("out of system resource" in line for line in server.said) == 1
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        assert eventually(lambda: server.get("/healthz").status == 200)


def test_a_line_is_repeated_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = 1000.0
    monkeypatch.setattr("graft_device.serve.listening.time", SimpleNamespace(monotonic=lambda: now))
    rarely = RateLimited(said.append)
    for text in ("a", "b", "a"):
        rarely(text)
    assert said == ["a", "b"]
    now += 59
    rarely("a")
    assert said == ["a", "b"]
    now += 1
    rarely("a")
    assert said == ["a", "b", "a"]


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 0), ("SIGINT", 130)])
def test_a_signal_while_the_model_is_opened(number: str, status: int, model: Path) -> None:
    """A board may take seconds to open a model, and systemd calls a service failed that ends with another status."""
    patch = (
        "import os, signal, graft_device.serve.server as server; real = server.open_copy\n"
        f"server.open_copy = lambda *args: (os.kill(os.getpid(), signal.{number}), real(*args))[1]"
    )
    done = subprocess.run(
        command(model, "--port", 0, patch=patch), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done.stderr
    assert "listening" not in done.stderr


def test_too_many_clients(model: Path) -> None:
    patch = f"{SLOW_HEADS}; s.MAX_CONNECTIONS = 5"
    with serving(model, patch=patch) as server, contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(server.address, 10))
        assert server.get("/healthz").headers["retry-after"] == "1"
        stack.close()
        assert eventually(lambda: server.get("/healthz").status == 200)


SLOW_HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
SLOW_BODY = SLOW_HEAD + b"Content-Length: 999\r\n\r\nx"


@contextlib.contextmanager
def slow_clients(server: Server, address: str, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections from a loopback address that send the start of a request and then nothing."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = socket.create_connection(server.address, 60, source_address=(address, 0))
            connections.append(stack.enter_context(connection))
            connection.sendall(sent)
        yield connections


def asked_from(server: Server, address: str) -> int:
    """The status of the answer to a client at a loopback address."""
    with socket.create_connection(server.address, 30, source_address=(address, 0)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("sent", [b"", SLOW_HEAD, SLOW_BODY], ids=["nothing", "head", "body"])
def test_slow_clients_of_one_address_do_not_shut_out_another(model: Path, sent: bytes) -> None:
    with (
        serving(model, "--timeout", 600, patch=SLOW_HEADS) as server,
        slow_clients(server, "127.0.0.1", MAX_CONNECTIONS, sent) as connections,
    ):
        assert [asked_from(server, "127.0.0.2") for _ in range(3)] == [200, 200, 200]
        assert sum(is_open(connection) for connection in connections) >= MAX_CONNECTIONS - 3


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed a connection on which it sends nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_slow_clients_do_not_shut_out_others_of_their_own_address(model: Path, tmp_path: Path) -> None:
    """A place is free when a head has been awaited for half of the time that it may take."""
    patch = (
        f"{clock(tmp_path)}import graft_device.serve.connections as s\n"
        f"s.MAX_CONNECTIONS, s.HEAD_SECONDS = 8, {2 * LEAP_SECONDS - 1}"
    )
    with serving(model, patch=patch) as server, slow_clients(server, "127.0.0.1", 8, SLOW_HEAD) as connections:
        assert asked_from(server, "127.0.0.1") == 503
        leap(tmp_path)
        assert asked_from(server, "127.0.0.1") == 200
        assert eventually(lambda: sum(map(is_open, connections)) == 7)


def test_a_running_request_keeps_its_place(model: Path, slow_photo: bytes, tmp_path: Path) -> None:
    patch = f"{held(tmp_path / 'gate')}\nimport graft_device.serve.connections as s; s.MAX_CONNECTIONS = 2"
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    sent = head % len(slow_photo) + slow_photo
    with serving(model, patch=patch) as server, slow_clients(server, "127.0.0.1", 2, sent) as connections:
        for _ in connections:
            server.wait_for("submitted")
        assert asked_from(server, "127.0.0.2") == 503
        (tmp_path / "gate").touch()
        for connection in connections:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_the_limit_of_one_address(model: Path) -> None:
    """Loopback addresses have no limit of their own, because of reverse proxies; here they get one."""
    patch = f"{SLOW_HEADS}; s.MAX_PER_ADDRESS = 3\ns.is_local = lambda address: address != '127.0.0.2'"
    with serving(model, patch=patch) as server, slow_clients(server, "127.0.0.2", 3, SLOW_HEAD):
        assert asked_from(server, "127.0.0.2") == 503
        assert asked_from(server, "127.0.0.3") == 200
        with slow_clients(server, "127.0.0.1", 10, SLOW_HEAD):
            assert asked_from(server, "127.0.0.1") == 200


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::2%eth0", "fe80::2"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        (None, "this machine"),
    ],
)
def test_the_group_of_an_address(address: str | None, expected: str) -> None:
    assert group(address) == expected
    assert is_local(group(address)) is (expected in {"::1", "127.0.0.1", "this machine"})


def test_a_client_that_disconnects_frees_its_place_in_the_queue(model: Path, slow_photo: bytes, tmp_path: Path) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    with serving(model, "--queue", 1, patch=held(tmp_path / "gate")) as server:
        replies: list[Reply] = []
        running = in_background(server, slow_photo, replies)
        server.wait_for("submitted")
        assert eventually(lambda: metric(server, "graft_queue_length") == 0), "it is being decoded"
        with socket.create_connection(server.address, 10) as connection:
            connection.sendall(head % len(slow_photo) + slow_photo)
            assert eventually(lambda: metric(server, "graft_queue_length") == 1)
        assert eventually(lambda: metric(server, "graft_queue_length") == 0)
        assert not replies
        (tmp_path / "gate").touch()
        assert server.classify(photo()).status == 200
        running.join()
        assert [reply.status for reply in replies] == [200]


def test_clients_that_disconnect_leave_nothing_behind(model: Path) -> None:
    body, slow_photo = photo(size=(400, 400)), photo("green", (5000, 5000))  # it takes most of a second to decode
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    with serving(model, "--queue", 3, "--max-megapixels", 30) as server:
        server.classify(body)
        files, threads = server.open_files(), server.threads()
        for number in range(100):
            sent = [head % 9999 + body[:9], head % len(body) + body, head % len(slow_photo) + slow_photo][
                2 if number in {20, 60} else number % 2
            ]
            with socket.create_connection(server.address, 10) as connection:
                connection.sendall(sent)
                if number % 5 == 0:  # a reset instead of a normal close
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Connections are accepted in order, so all were by the time that a later one is answered.
        assert eventually(lambda: server.get("/healthz").status == 200)
        assert eventually(lambda: server.open_files() <= files), (server.open_files(), files)
        assert eventually(lambda: server.threads() <= threads), (server.threads(), threads)
        assert eventually(lambda: metric(server, "graft_queue_length") == 0)
        assert server.classify(photo()).status == 200


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_requests_are_finished(number: signal.Signals, model: Path, slow_photo: bytes, tmp_path: Path) -> None:
    patch = f"{held(tmp_path / 'gate')}\nimport graft_device.serve.server as s; s.END_SECONDS = 60"
    with serving(model, patch=patch) as server:
        idle = server.connect()
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        replies: list[Reply] = []
        threads = [in_background(server, slow_photo, replies) for _ in range(2)]
        for _ in threads:
            server.wait_for("submitted")
        server.send(number)
        assert eventually(lambda: not listens(server))
        assert not replies
        (tmp_path / "gate").touch()
        assert server.process.wait(60) == 0
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [200, 200]
        idle.close()
    assert server.said[-1] == "ended after 2 photos"


def listens(server: Server) -> bool:
    """Whether the server still accepts connections."""
    try:
        socket.create_connection(server.address, 10).close()
    except ConnectionError:
        return False
    return True


def test_a_slow_upload_does_not_delay_the_shutdown(model: Path) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n"
    patch = (
        f"{HEARD}import graft_device.serve.server as s; s.END_SECONDS = 1\n"
        "close = w.Worker.close; w.Worker.close = lambda worker, _: close(worker, 120)"
    )
    with serving(model, patch=patch) as server, socket.create_connection(server.address, 10) as connection:
        connection.sendall(head + b"x")
        server.wait_for("reading")
        assert server.end() == 0
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")


def test_a_new_model_without_a_dropped_request(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite")
    with serving(path, "--queue", 20) as server:
        stop, statuses = threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                statuses.append(server.classify(photo()).status)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            good = path.read_bytes()
            for content in (good[:1000], b"", b"no model"):
                path.write_bytes(content)  # in place, as scp does, so that a mapped file would change
                server.send(signal.SIGHUP)
                assert "the old model stays in use" in server.wait_for("error: ")
                assert server.classify(photo()).json()["predictions"][0]["label"] == "red"
            path.unlink()
            server.send(signal.SIGHUP)
            assert "No such file" in server.wait_for("error: ")
            write_artifact(path, labels=["rot", "gelb", "blau"])
            server.send(signal.SIGHUP)
            server.wait_for("model reopened")
            assert server.classify(photo()).json()["predictions"][0]["label"] == "rot"
            assert server.get("/v1/model").json()["labels"] == ["rot", "gelb", "blau"]
        finally:
            stop.set()
            asking.join()
        assert set(statuses) == {200}
        assert metric(server, 'graft_model_reloads_total{result="failed"}') == 4
        assert metric(server, 'graft_model_reloads_total{result="ok"}') == 1
        files = server.open_files()
        for _ in range(5):
            server.send(signal.SIGHUP)
            server.wait_for("model reopened")
        assert eventually(lambda: server.open_files() <= files)


def test_a_link_that_is_switched(tmp_path: Path) -> None:
    old = write_artifact(tmp_path / "old.tflite")
    new = write_artifact(tmp_path / "new.tflite", labels=["rot", "blau"], kernel=np.eye(3, 2, dtype=np.float32))
    link = tmp_path / "m.tflite"
    link.symlink_to(old.name)
    with serving(link) as server:
        (tmp_path / "next").symlink_to(new.name)
        os.replace(tmp_path / "next", link)  # noqa: PTH105
        old.unlink()
        assert server.classify(photo(), "?top_k=3").json()["predictions"][0]["label"] == "red", "until it is told"
        server.send(signal.SIGHUP)
        assert server.wait_for("model reopened").startswith("model reopened: m.tflite, 2 labels, ")
        assert server.classify(photo()).json()["predictions"][0]["label"] == "rot"
        assert server.get("/v1/model").json()["model"] == "m.tflite"
        assert server.classify(photo(), "?top_k=3").status == 422


def test_a_signal_during_the_start_is_handled_afterwards(model: Path) -> None:
    patch = (
        "import os, signal, graft_device.serve.settings as s; real = s.check\n"
        "s.check = lambda *a: (os.kill(os.getpid(), signal.SIGHUP), real(*a))"
    )
    with serving(model, patch=patch) as server:
        assert server.wait_for("model reopened")
        assert server.classify(photo()).status == 200


def test_it_ends_with_its_terminal(model: Path) -> None:
    """Otherwise it would continue unnoticed, and keep the port."""
    ours, theirs = os.openpty()
    with serving(model, stdin=theirs) as server:
        os.close(theirs)
        server.send(signal.SIGHUP)
        assert server.wait_for("model reopened"), "as long as the terminal is there"
        os.close(ours)
        assert server.end(signal.SIGHUP) == 0


def test_it_continues_when_nobody_reads_its_notes(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite")
    with subprocess.Popen(
        command(path, "--port", 0), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        process.stderr.close()
        server = Server(process, url, [])
        try:
            path.write_bytes(b"no model")
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: metric(server, 'graft_model_reloads_total{result="failed"}') == 1)
            write_artifact(path, labels=["rot", "gelb", "blau"])
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: metric(server, 'graft_model_reloads_total{result="ok"}') == 1)
            assert server.classify(photo()).json()["predictions"][0]["label"] == "rot"
            assert server.end() == 0
        finally:
            process.kill()


def test_systemd_is_notified(model: Path, tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    with notices(tmp_path / "notify") as received:
        with serving(model, env=environment) as server:
            received.until("READY=1")
            received.until("WATCHDOG=1")
            server.end()
        *last, _ = received.until("STOPPING=1")
    assert all(message == "WATCHDOG=1" or message.startswith("STATUS=") for message in last)


# The worker alone


@pytest.fixture
def worker(model: Path) -> Iterator[Worker]:
    made = Worker(Classifier(model, threads=1), 2)
    yield made
    if made._thread.is_alive():
        assert made.close(120)


def test_the_queue_is_bounded(worker: Worker) -> None:
    jobs = [worker.submit(photo(), 1, unknown=True) for _ in range(3)]  # one of them would be running
    with pytest.raises(FullError) as full:
        worker.submit(photo(), 1, unknown=True)
    assert full.value.seconds >= 1
    worker.withdraw(jobs[0])
    worker.withdraw(jobs[0])
    assert worker.waiting == 2
    worker.submit(photo(), 1, unknown=True)
    assert worker.probe().future is not None  # there is always room for a probe
    worker.start()
    assert jobs[1].future.result(120).timed.predictions[0].label == "red"
    assert not jobs[0].future.done()
    assert jobs[1].photo == b"", "an answered job holds no photo"


def test_the_worker_outlives_errors(worker: Worker) -> None:
    cancelled, bad, good = (worker.submit(body, 1, unknown=True) for body in (photo(), b"garbage", photo()))
    assert cancelled.future.cancel()
    worker.start()
    with pytest.raises(PhotoError) as error:
        bad.future.result(120)
    assert error.value.__context__ is None
    assert good.future.result(120).queue_ms > 0


@each_runtime
def test_a_copy_of_a_model_outlives_its_file(runtime: str, tmp_path: Path) -> None:
    """Runs in a child process: tflite-runtime gets a bus error when the file that it has mapped is truncated."""
    kernel = np.random.default_rng(0).normal(0, 0.01, (3, 3000)).astype(np.float32)
    path = write_artifact(tmp_path / "m.tflite", labels=[f"label{n}" for n in range(3000)], kernel=kernel)
    program = (
        "import sys, pathlib, graft_device.run.opened as o\n"
        "path = pathlib.Path(sys.argv[1]); c = o.open_copy(path, sys.argv[2])\n"
        "path.write_bytes(b''); c.classify(o.grey(c))"
    )
    run = [*command(model)[:1], "-c", program, str(path), runtime]
    assert subprocess.run(run, capture_output=True, check=False, cwd=ROOT).returncode == 0
    with pytest.raises(ModelError, match=re.escape(str(path))):
        open_copy(path)
