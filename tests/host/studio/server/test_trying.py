"""What the page that tries a model may ask of the studio, and what is refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from graft_device.errors import PhotoError
from graft_host.studio.server.streaming import streamed
from graft_host.studio.server.trying import MOST_BYTES
from graft_host.studio.trials.occlusion import StoppedError
from tests.support.device_models import picture, write_artifact
from tests.support.running import PATIENCE_S
from tests.support.studio import studio
from tests.support.studio_client import StudioClient, entered

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioClient]:
    root = tmp_path_factory.mktemp("studio") / "pets"
    (root / "models").mkdir(parents=True)
    write_artifact(root / "models/colours.tflite")
    (root / "models/text.tflite").write_text("no model")
    with studio(root, environment={"GRAFT_CACHE": str(root.parent / "cache")}) as running:
        yield entered(running.address())


def photo() -> bytes:
    memory = BytesIO()
    picture("red").save(memory, "JPEG")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("status", "reason", "body", "headers", "model"),
    [
        (422, "no model called", photo(), JPEG, "missing.tflite"),
        (422, "no model called", photo(), JPEG, "../../secret.tflite"),
        (422, "is not a .tflite model", photo(), JPEG, "text.tflite"),
        (400, "not a JPEG", b"a text", JPEG, "colours.tflite"),
        (415, "Content-Type", b"a text", {"Content-Type": "text/plain"}, "colours.tflite"),
        (403, "", photo(), {**JPEG, "Origin": "http://192.0.2.1"}, "colours.tflite"),
    ],
)
def test_what_is_refused_has_a_reason(
    client: StudioClient, status: int, reason: str, body: bytes, headers: dict[str, str], model: str
) -> None:
    for path in ("answer", "keep"):
        reply = client.ask("POST", f"/try/{path}", body, headers, model=model, label="red")
        assert (reply.status, reason in reply.detail) == (status, True)


def test_a_photo_that_is_too_large_is_refused_before_it_is_read(client: StudioClient) -> None:
    start = "POST /try/answer?model=colours.tflite HTTP/1.1\r\nContent-Type: image/jpeg"
    head = f"{start}\r\nContent-Length: {MOST_BYTES + 1}"
    assert client.raw(head, b"").startswith(b"HTTP/1.1 413 ")


def test_an_answer_and_the_reasons_for_it(client: StudioClient) -> None:
    answer = client.ask("POST", "/try/answer", photo(), JPEG, model="colours.tflite").json()
    assert answer["predictions"][0]["label"] == "red"
    lines = client.ask("POST", "/try/places", photo(), JPEG, model="colours.tflite").body.splitlines()
    assert json.loads(lines[-1])["result"]["label"] == "red"
    (line,) = client.ask("POST", "/try/nearest", b"a text", JPEG, model="colours.tflite").body.splitlines()
    assert "not a JPEG" in json.loads(line)["problem"]
    described = client.ask("GET", "/try/model", model="colours.tflite").json()
    assert (described["labels"], described["compares"]) == (["red", "green", "blue"], True)


def test_a_photo_that_is_taken_back_must_be_one_of_the_project(client: StudioClient) -> None:
    kept = client.ask("POST", "/try/keep", photo(), JPEG, model="colours.tflite", label="odd", name="a.jpg").json()
    assert kept == {"id": "odd/a.jpg"}
    for wrong in ("", "../models/colours.tflite", "odd/../../models/colours.tflite"):
        assert client.ask("POST", "/try/take-back", id=wrong).status == 422
    assert client.ask("POST", "/try/take-back", id="odd/a.jpg").json() == {"moved": 1}


def lines_of(work: Callable[..., Any], most: int = 1_000_000) -> list[dict[str, Any]]:
    """The lines that a browser gets that goes away after some of them."""

    async def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with ThreadPoolExecutor(1) as threads:
            body: Any = streamed(threads, work).body_iterator
            async for line in body:
                found.append(json.loads(line))
                if len(found) == most:
                    break
            await body.aclose()
        return found

    return asyncio.run(read())


def test_work_stops_when_the_browser_goes_away() -> None:
    seen = threading.Event()

    def work(progress: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
        progress(1, 9)
        for _ in range(int(PATIENCE_S * 100)):
            if stopped():
                seen.set()
                raise StoppedError
            seen.wait(0.01)

    assert lines_of(work, most=1) == [{"progress": [1, 9]}]
    assert seen.is_set()


def test_an_error_is_the_last_line() -> None:
    def work(*_: object) -> None:
        raise PhotoError("the file is empty")

    assert lines_of(work) == [{"problem": "the file is empty"}]


def test_a_result_is_the_last_line(tmp_path: Path) -> None:
    assert lines_of(lambda *_: [str(tmp_path)]) == [{"result": [str(tmp_path)]}]
