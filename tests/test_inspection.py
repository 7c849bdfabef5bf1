from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graft_device.errors import ModelError
from graft_device.model import read_model
from graft_device.runtime import installed_runtimes
from graft_host import flatbuffer
from graft_host.inspection import inspect_model
from graft_host.metadata import archive, attach
from tests.conftest import error_line, graft
from tests.device_models import LABELS, SIZE, network, write_artifact


def test_everything_inside_is_listed(tmp_path: Path) -> None:
    found = inspect_model(write_artifact(tmp_path / "model.tflite"))
    assert found["labels"] == list(LABELS)
    assert found["input"] == [
        {"name": "image", "shape": [1, SIZE, SIZE, 3], "dtype": "uint8", "scale": 1.0, "zero_point": 0}
    ]
    assert found["output"] == [
        {"name": "probabilities", "shape": [1, 3], "dtype": "float32", "scale": None, "zero_point": None}
    ]
    uses = {operator["name"]: operator["count"] for operator in found["operators"]}
    assert uses == {"QUANTIZE": 1, "MEAN": 1, "FULLY_CONNECTED": 1, "DEQUANTIZE": 1, "SOFTMAX": 1}
    assert found["metadata"]["output"][0]["label_files"] == ["labels.txt"]
    assert found["metadata"]["input"][0]["normalization"] == []
    assert found["card"]["quantization"] == "int8"


def test_every_runtime_is_told_of(tmp_path: Path) -> None:
    found = inspect_model(write_artifact(tmp_path / "model.tflite"))["runtimes"]
    names = [entry["runtime"].split()[0] for entry in found]
    assert names == ["tflite-runtime", *(name for name in installed_runtimes() if name != "tensorflow")]
    assert all(entry["runs"] and entry["why_not"] is None for entry in found)


def test_an_operator_that_is_too_new_is_named_and_the_trial_fails(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "model.tflite")
    card, labels = read_model(path).card, read_model(path).labels
    model = flatbuffer.unpack(path.read_bytes(), "model")
    model.operatorCodes[1].version = 99
    path.write_bytes(flatbuffer.pack(model) + archive(labels, card))
    found = inspect_model(path)["runtimes"]
    assert found[0]["why_not"] == "it does not know MEAN version 99"
    assert not any(entry["runs"] for entry in found)
    assert "does not run: " in graft("inspect", path).stdout


def test_normalization_of_a_float_model(tmp_path: Path) -> None:
    found = inspect_model(write_artifact(tmp_path / "model.tflite", "float32"))["metadata"]
    assert found["input"][0]["normalization"] == [{"mean": [127.5], "std": [127.5]}]


def test_a_file_without_metadata_or_with_damaged_metadata(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "model.tflite")
    card, labels = read_model(path).card, read_model(path).labels
    path.write_bytes(network() + archive(labels, card))
    assert inspect_model(path)["metadata"] is None
    assert "metadata   none" in graft("inspect", path).stdout
    model = flatbuffer.unpack(attach(network(), labels, card), "model")
    model.buffers[model.metadata[0].buffer].data = np.frombuffer(b"\xff" * 40, np.uint8)
    path.write_bytes(flatbuffer.pack(model) + archive(labels, card))
    assert "has TFLite Metadata that cannot be read" in error_line(graft("inspect", path))


def test_the_command(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite", "float32")
    done = graft("inspect", model)
    assert done.returncode == 0, done.stderr
    for shown in ("FULLY_CONNECTED", "card.tap  mixed0", "labels in labels.txt; (pixel - 127.5) / 127.5", "runs\n"):
        assert shown in done.stdout
    assert json.loads(graft("inspect", model, "--json").stdout) == inspect_model(model)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    text = tmp_path / "text.tflite"
    text.write_text("no model at all")
    with pytest.raises(ModelError, match=r"is not a \.tflite model"):
        inspect_model(text)
    whole = write_artifact(tmp_path / "model.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    assert "no model card" in error_line(graft("inspect", tmp_path / "cut.tflite"))
