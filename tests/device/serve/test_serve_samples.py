from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.device_models import COLOURS, picture
from tests.support.serving import TOKEN, Server, encoded, photo, serving
from tests.support.stores import write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "m.tflite", photos=True)


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serving(model) as running:
        yield running


def test_the_photos_of_the_file_are_listed_and_served(server: Server, model: Path) -> None:
    listed = server.get("/v1/model").json()["samples"]
    assert [sample["number"] for sample in listed] == [1, 2, 3, 4, 5, 6]
    assert [sample["label"] for sample in listed] == [*COLOURS, *COLOURS]
    with zipfile.ZipFile(model) as archive:
        files = [archive.read(f"golden/{number}.jpg") for number in range(1, 7)]
    for sample, data in zip(listed, files):
        reply = server.get(f"/v1/sample?number={sample['number']}")
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, "image/jpeg", data)
        assert reply.headers["cache-control"] == "no-store"
        assert server.classify(reply.body, kind="image/jpeg").json()["predictions"][0]["label"] == sample["label"]


@pytest.mark.parametrize(
    "query", ["", "?number=", "?number=0", "?number=13", "?number=-1", "?number=1&size=2", "?number=1&number=2"]
)
def test_a_number_that_is_not_listed(query: str, server: Server) -> None:
    reply = server.get(f"/v1/sample{query}")
    assert reply.status == 422
    assert "give one number from 1 to 12" in reply.detail
    assert server.get("/v1/sample?number=7").detail == "there is no sample 7; the model file has 6"


def test_a_model_without_photos_has_no_samples(tmp_path: Path) -> None:
    with serving(write_model(tmp_path / "m.tflite")) as server:
        assert server.get("/v1/model").json()["samples"] == []
        reply = server.get("/v1/sample?number=1")
        assert reply.status == 404
        assert reply.detail == "there is no sample 1; the model file has 0"


def test_samples_need_the_token(model: Path) -> None:
    with serving(model, "--token", TOKEN) as server:
        assert server.get("/v1/sample?number=1").status == 401
        reply = server.ask("GET", "/v1/sample?number=1", headers={"Authorization": f"Bearer {TOKEN}"})
        assert reply.status == 200


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"<script>alert(1)</script>", "not a JPEG", id="text"),
        pytest.param(photo("red", (64, 32)), "64 x 32 pixels, not 32 x 32", id="another-size"),
        pytest.param(b"\0" * 5_000_000, "more than", id="a-bomb"),
        pytest.param(encoded(picture("red", (32, 32)), "GIF"), "no JPEG, PNG or WebP", id="gif"),
    ],
)
def test_a_photo_that_is_not_what_it_should_be_is_not_served(content: bytes, reason: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True, change={"golden/2.jpg": content})
    with serving(model) as server:
        reply = server.get("/v1/sample?number=2")
        assert reply.status == 404
        assert reason in reply.detail
        assert server.get("/v1/sample?number=1").status == 200
        assert server.resident() < 300e6


def test_a_list_of_many_photos_is_cut(tmp_path: Path) -> None:
    first = write_model(tmp_path / "a.tflite", photos=True)
    with zipfile.ZipFile(first) as archive:
        golden = json.loads(archive.read("golden.json"))
    golden["photos"] *= 10
    many = write_model(tmp_path / "b.tflite", photos=True, change={"golden.json": json.dumps(golden).encode()})
    with serving(many) as server:
        assert len(server.get("/v1/model").json()["samples"]) == 12
        assert server.get("/v1/sample?number=13").status == 422
