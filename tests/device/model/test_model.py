from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.errors import ModelError
from graft_device.model import CARD_FORMAT, CARD_NAME, LABELS_NAME, ModelCard, read_model
from tests.support.device_models import LABELS, make_card, network, write_artifact

NETWORK = network()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


def reason(path: Path) -> str:
    """Why a model is refused: one line that names the file."""
    with pytest.raises(ModelError) as caught:
        read_model(path)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert str(path) in text
    return text


def archive(labels: bytes | None, card: bytes | None) -> bytes:
    """A network with a zip behind it, of whatever content."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as zipped:
        for name, content in ((LABELS_NAME, labels), (CARD_NAME, card)):
            if content is not None:
                zipped.writestr(name, content)
    return NETWORK + memory.getvalue()


def card_json(**changes: Any) -> bytes:
    """A card's text with fields changed; None takes one away."""
    raw = {**json.loads(make_card().to_json()), **changes}
    return json.dumps({name: value for name, value in raw.items() if value is not None}).encode()


def test_labels_and_card_come_back(artifact: Path) -> None:
    found = read_model(artifact)
    assert found.path == artifact
    assert found.labels == LABELS
    assert found.card == make_card()
    assert found.bytes == artifact.stat().st_size
    assert read_model(str(artifact)) == found


def test_every_field_of_the_card_comes_back(tmp_path: Path) -> None:
    card = ModelCard(
        kit_version="9.9.9",
        backbone={"name": "inception_v3", "weights": "Füße", "fingerprint": "ab" * 32},
        tap="mixed7",
        image_size=224,
        resize="crop",
        quantization="float16",
        mean=0.5,
        std=255,
        training={"photos": {"train": 3}, "accuracy": {"shipped": 0.75}},
        thresholds={"猫": 0.4},
    )
    assert read_model(write_artifact(tmp_path / "m.tflite", card=card)).card == card
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    "labels",
    [
        ("hex nut", " padded ", "tab\tbed"),
        ("Füße", "猫", "🔩"),
        ("a\u2028b", "c\x0bd", "e\rf"),  # line ends to str.splitlines, but not to the file format
        ("only one",),
        tuple(f"class {n}" for n in range(1000)),
    ],
)
def test_labels_of_any_kind_come_back(labels: tuple[str, ...], tmp_path: Path) -> None:
    assert read_model(write_artifact(tmp_path / "m.tflite", labels=labels)).labels == labels


def test_zipfile_alone_reads_them(artifact: Path) -> None:
    with zipfile.ZipFile(artifact) as zipped:
        assert zipped.testzip() is None
        assert zipped.read("labels.txt").decode() == "red\ngreen\nblue\n"
        card = json.loads(zipped.read("graft.json"))
    assert card["format"] == 1
    assert card["image_size"] == 32
    assert set(card) == {"format", *(field.name for field in dataclasses.fields(ModelCard))}


def test_plain_values_for_json(artifact: Path) -> None:
    found = read_model(artifact).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["model"] == str(artifact)
    assert found["labels"] == list(LABELS)
    assert found["card"]["tap"] == "mixed0"


def test_fields_from_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(archive(b"a\nb\n", card_json(colour_space="P3", format=CARD_FORMAT)))
    assert read_model(path).card == make_card()


def test_training_and_thresholds_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(archive(b"a\nb\n", card_json(training=None, thresholds=None)))
    assert (read_model(path).card.training, read_model(path).card.thresholds) == ({}, {})


@pytest.mark.parametrize(
    ("labels", "card", "words"),
    [
        pytest.param(b"a\nb\n", card_json(format=2), "format 2, but this version reads 1", id="later-format"),
        pytest.param(b"a\nb\n", card_json(format=None), "format None", id="no-format"),
        pytest.param(b"a\nb\n", card_json(tap=None, resize=None), "no tap, resize", id="fields-missing"),
        pytest.param(b"a\nb\n", card_json(image_size="299"), "image_size is '299'", id="size-as-text"),
        pytest.param(b"a\nb\n", card_json(image_size=True), "image_size is True", id="size-as-bool"),
        pytest.param(b"a\nb\n", card_json(backbone=[]), "backbone is []", id="backbone-as-list"),
        pytest.param(b"a\nb\n", b"[1, 2]", "the card is not an object", id="list"),
        pytest.param(b"a\nb\n", b"not json", "model card that cannot be used", id="no-json"),
        pytest.param(b"a\nb\n", b"\xff\xfe", "model card that cannot be used", id="no-utf-8"),
        pytest.param(b"a\n\nb\n", card_json(), "labels.txt has an empty line", id="empty-label"),
        pytest.param(b"", card_json(), "labels.txt has an empty line", id="no-labels"),
        pytest.param(b"\xff\n", card_json(), "model card that cannot be used", id="labels-no-utf-8"),
        pytest.param(None, card_json(), "has no model card", id="labels-missing"),
        pytest.param(b"a\nb\n", None, "has no model card", id="card-missing"),
    ],
)
def test_cards_that_cannot_be_used(labels: bytes | None, card: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(archive(labels, card))
    assert words in reason(path)


def test_a_model_cut_short_anywhere(artifact: Path, tmp_path: Path) -> None:
    data, path = artifact.read_bytes(), tmp_path / "cut.tflite"
    lengths = [*range(12), *range(12, len(data), 41), *range(len(data) - 30, len(data))]
    for length in lengths:
        path.write_bytes(data[:length])
        words = "is not a .tflite model" if length < 8 else "cut short"
        assert words in reason(path), length


def test_a_model_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(NETWORK)
    assert "has no model card" in reason(path)
    assert "graft train" in reason(path)


@pytest.mark.parametrize("content", [b"", b"text", bytes(1000), b"PK\x03\x04" + bytes(100), b"\x89PNG\r\n\x1a\n" * 9])
def test_files_that_are_no_models(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    assert "is not a .tflite model" in reason(path)


def test_a_zip_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(archive(b"a\nb\n", card_json())[len(NETWORK) :])
    assert "is not a .tflite model" in reason(path)


def test_missing_and_folder(tmp_path: Path) -> None:
    assert "No such file" in reason(tmp_path / "nowhere.tflite")
    assert "a folder, not a file; give the .tflite" in reason(tmp_path)
    assert "Not a directory" in reason(write_artifact(tmp_path / "m.tflite") / "inside")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    program = (
        "import sys\nfrom graft_device.errors import ModelError\nfrom graft_device.model import read_model\n"
        "try: read_model(sys.argv[1])\nexcept ModelError as e: print(e)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "pipe")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert "a named pipe, not a file" in done.stdout, done.stderr


@pytest.mark.parametrize("method", [8, 12, 14, 99])
@pytest.mark.parametrize("label", ["red", "green"])  # "g" is no beginning of a deflate stream, "r" is
def test_a_zip_whose_directory_names_another_compression(method: int, label: str, tmp_path: Path) -> None:
    data = bytearray(write_artifact(tmp_path / "m.tflite", labels=[label]).read_bytes())
    for entry in range(len(data) - 4):
        if data[entry : entry + 4] == b"PK\x01\x02":
            struct.pack_into("<H", data, entry + 10, method)
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    reason(path)


def test_a_zip_entry_that_reaches_beyond_the_end(artifact: Path, tmp_path: Path) -> None:
    data = bytearray(artifact.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x03\x04") + 28, 0xFFFF)  # the length of its extra field
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    assert "cut short" in reason(path)


def test_a_zip_whose_directory_says_encrypted(artifact: Path, tmp_path: Path) -> None:
    data = bytearray(artifact.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    assert "cannot be used" in reason(path)


@settings(max_examples=200)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_damaged_zip_gives_the_right_labels_or_a_model_error(
    changes: list[tuple[float, int]], artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(artifact.read_bytes())
    start = data.index(b"PK\x03\x04")
    for place, change in changes:
        data[start + int(place * (len(data) - start))] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged.tflite"
    path.write_bytes(data)
    try:
        found = read_model(path)
    except ModelError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  any other exception fails the test
    else:
        assert (found.labels, found.card) == (LABELS, make_card())
