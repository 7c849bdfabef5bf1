from __future__ import annotations

import json
from pathlib import Path

import pytest

from graft_device.errors import ModelError
from graft_host.inspection import inspect_model
from tests.conftest import error_line, graft
from tests.device_models import LABELS, SIZE, write_artifact


def test_everything_inside_is_listed(tmp_path: Path) -> None:
    found = inspect_model(write_artifact(tmp_path / "model.tflite"))
    assert found["labels"] == list(LABELS)
    assert found["input"] == [
        {"name": "image", "shape": [1, SIZE, SIZE, 3], "dtype": "uint8", "scale": 1.0, "zero_point": 0}
    ]
    assert found["output"] == [
        {"name": "probabilities", "shape": [1, 3], "dtype": "uint8", "scale": 1 / 256, "zero_point": 0}
    ]
    uses = {operator["name"]: operator["count"] for operator in found["operators"]}
    assert uses == {"QUANTIZE": 2, "MEAN": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1}
    assert found["runs_on_oldest_runtime"]["runs"]
    assert found["metadata"] == ["TFLITE_METADATA"]


def test_the_command(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite", "float32")
    done = graft("inspect", model)
    assert done.returncode == 0, done.stderr
    assert "FULLY_CONNECTED" in done.stdout
    assert json.loads(graft("inspect", model, "--json").stdout) == inspect_model(model)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    text = tmp_path / "text.tflite"
    text.write_text("no model at all")
    with pytest.raises(ModelError, match=r"is not a \.tflite model"):
        inspect_model(text)
    whole = write_artifact(tmp_path / "model.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    assert "no model card" in error_line(graft("inspect", tmp_path / "cut.tflite"))
