from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
import pytest

from graft_device.errors import ModelError
from graft_device.model import read_model
from graft_device.runtime import installed_runtimes
from graft_host.support import flatbuffer
from graft_host.tflite.inspection import inspect_model
from graft_host.tflite.metadata import archive, attach
from tests.conftest import error_line, graft
from tests.support.device_models import LABELS, SIZE, make_card, network, write_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_device.model import ModelCard


def test_everything_inside_is_listed(tmp_path: Path) -> None:
    contents = inspect_model(write_artifact(tmp_path / "model.tflite"))
    assert contents["labels"] == list(LABELS)
    assert contents["input"] == [
        {"name": "image", "shape": [1, SIZE, SIZE, 3], "dtype": "uint8", "scale": 1.0, "zero_point": 0}
    ]
    assert contents["output"] == [
        {"name": "probabilities", "shape": [1, 3], "dtype": "float32", "scale": None, "zero_point": None}
    ]
    uses = {operator["name"]: operator["count"] for operator in contents["operators"]}
    assert uses == {"QUANTIZE": 1, "MEAN": 1, "FULLY_CONNECTED": 1, "DEQUANTIZE": 1, "SOFTMAX": 1}
    assert contents["metadata"]["output"][0]["label_files"] == ["labels.txt"]
    assert contents["metadata"]["input"][0]["normalization"] == []
    assert contents["card"]["quantization"] == "int8"


def test_every_runtime_is_reported(tmp_path: Path) -> None:
    runtimes = inspect_model(write_artifact(tmp_path / "model.tflite"))["runtimes"]
    names = [entry["runtime"].split()[0] for entry in runtimes]
    assert names == ["tflite-runtime", *(name for name in installed_runtimes() if name != "tensorflow")]
    assert all(entry["runs"] and entry["why_not"] is None for entry in runtimes)


def test_an_operator_that_is_too_new_is_named_and_the_trial_fails(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "model.tflite")
    card, labels = read_model(path).card, read_model(path).labels
    model = flatbuffer.unpack(path.read_bytes(), "model")
    model.operatorCodes[1].version = 99
    path.write_bytes(flatbuffer.pack(model) + archive(labels, card))
    runtimes = inspect_model(path)["runtimes"]
    assert runtimes[0]["why_not"] == "it does not support MEAN version 99"
    assert not any(entry["runs"] for entry in runtimes)
    assert "does not run: " in graft("inspect", path).stdout


def test_normalization_of_a_float_model(tmp_path: Path) -> None:
    metadata = inspect_model(write_artifact(tmp_path / "model.tflite", "float32"))["metadata"]
    assert metadata["input"][0]["normalization"] == [{"mean": [127.5], "std": [127.5]}]


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


def _written(path: Path, change: Callable[[Any], None], card: ModelCard | None = None) -> Path:
    """An artifact whose flatbuffer is changed afterwards."""
    write_artifact(path)
    contents = read_model(path)
    model = flatbuffer.unpack(path.read_bytes(), "model")
    change(model)
    path.write_bytes(flatbuffer.pack(model) + archive(contents.labels, card or contents.card))
    return path


def _with_metadata(path: Path, **fields: Any) -> Path:
    """An artifact with other metadata: a name, and a normalization."""
    builder = flatbuffers.Builder(256)

    def vector(values: list[float]) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependFloat32(value)
        return int(builder.EndVector())

    def table(size: int, offsets: dict[int, int], kind: int = 0) -> int:
        builder.StartObject(size)
        if kind:
            builder.PrependUint8Slot(0, kind, 0)
        for slot, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        return int(builder.EndObject())

    def tables(*members: int) -> int:
        builder.StartVector(4, len(members), 4)
        for member in reversed(members):
            builder.PrependUOffsetTRelative(member)
        return int(builder.EndVector())

    options = table(2, {slot: vector(fields[key]) for slot, key in enumerate(("mean", "std")) if key in fields})
    tensor = table(7, {4: tables(table(2, {1: options}, fields.get("kind", 1)))})
    graph = table(7, {2: tables(tensor)})
    builder.Finish(table(8, {0: builder.CreateString(fields.get("name", "x")), 3: tables(graph)}), b"M001")
    data = np.frombuffer(bytes(builder.Output()), np.uint8)

    def change(model: Any) -> None:
        model.buffers[model.metadata[0].buffer].data = data

    return _written(path, change)


def test_names_in_a_file_are_made_printable_for_the_terminal(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "labels.tflite", labels=["\x1b[2Jred", "\x07green", "blue"])
    assert r"labels     \x1b[2Jred, \x07green, blue" in graft("inspect", model).stdout.splitlines()
    described = _with_metadata(tmp_path / "metadata.tflite", name="\x1b]0;title\x07")
    assert r"metadata   \x1b]0;title\x07: " in graft("inspect", described).stdout.splitlines()

    def rename(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].name = b"\x1b[31mimage\n"

    named = _written(tmp_path / "tensor.tflite", rename, replace(make_card(), training={"\x1b[1mkey": "\x1b[0m"}))
    shown = graft("inspect", named).stdout
    assert r"\x1b[31mimage\n: uint8 1 x " in shown
    assert r"card.training.\x1b[1mkey  \x1b[0m" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mean": [], "std": [2.0]}, "normalization without mean and standard deviation"),
        ({"mean": [1.0]}, "normalization without mean and standard deviation"),
        ({"mean": [1.0, 2.0, 3.0], "std": [2.0]}, "(pixel - (1, 2, 3)) / 2"),
        ({"mean": [1.0], "std": [2.0], "kind": 2}, "pixels as they are"),
    ],
    ids=["empty", "missing", "three", "of another kind"],
)
def test_normalization_that_others_write(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    model = _with_metadata(tmp_path / "model.tflite", **fields)
    done = graft("inspect", model)
    assert done.returncode == 0, done.stderr
    assert f"           no label file; {expected}" in done.stdout.splitlines()


def test_a_tensor_without_its_optional_fields(tmp_path: Path) -> None:
    def strip(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].quantization.zeroPoint = None
        graph.tensors[graph.outputs[0]].shape = None

    contents = inspect_model(_written(tmp_path / "model.tflite", strip))
    assert (contents["input"][0]["scale"], contents["input"][0]["zero_point"]) == (1.0, 0)
    assert contents["output"][0]["shape"] == []


def test_long_lists_in_the_card_are_counted(tmp_path: Path) -> None:
    split = {"seed": 3, "test": [f"{n:016x}" for n in range(2000)], "moved": {"0" * 16: "test"}}
    done = graft("inspect", write_artifact(tmp_path / "model.tflite", card=make_card(split=split)))
    lines = [line for line in done.stdout.splitlines() if line.startswith("card.training")]
    assert lines == [
        "card.training.split.seed  3",
        "card.training.split.test  2,000 entries",
        f"card.training.split.moved.{'0' * 16}  test",
    ]


def test_the_command(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite", "float32")
    done = graft("inspect", model)
    assert done.returncode == 0, done.stderr
    for shown in ("FULLY_CONNECTED", "card.tap  mixed0", "labels in labels.txt; (pixel - 127.5) / 127.5", "runs\n"):
        assert shown in done.stdout
    assert json.loads(graft("inspect", model, "--json").stdout) == inspect_model(model)


def test_files_that_are_not_models(tmp_path: Path) -> None:
    text = tmp_path / "text.tflite"
    text.write_text("no model at all")
    with pytest.raises(ModelError, match=r"is not a \.tflite model"):
        inspect_model(text)
    whole = write_artifact(tmp_path / "model.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    assert "no model card" in error_line(graft("inspect", tmp_path / "cut.tflite"))
