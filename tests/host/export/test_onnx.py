"""ONNX files against the model files that they were made of, by onnxruntime."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from graft_device.classifier import Classifier
from graft_device.errors import ExportError, GraftError
from graft_host.export.export import export
from graft_host.networks.layers import RELU6, Addition, Network
from graft_host.networks.padding import padding
from graft_host.networks.quarters import with_quarter_means
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.support import flatbuffer
from graft_host.tflite.metadata import archive
from tests.conftest import graft, graft_json
from tests.support.device_models import LABELS, make_card, network, write_artifact
from tests.support.host_data import run_on_small_disk
from tests.support.networks import branched, mobile
from tests.support.whole_models import photos_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def _activated() -> Network:
    """``mobile`` with an activation on its addition."""
    small = mobile(32)
    layers = (replace(each, activation=RELU6) if isinstance(each, Addition) else each for each in small.layers)
    return Network(tuple(layers), small.outputs)


def _quartered(side: int, endings: Sequence[str]) -> Network:
    """``branched`` with the means of quarters in place of the means of maps, or beside them."""
    whole = branched(side)
    return with_quarter_means(whole, [(output, ending) for output in whole.outputs for ending in endings])


NETWORKS = {
    "two taps": branched(33),
    "quarters": _quartered(33, ["/2x2"]),
    "quarters of even maps": _quartered(34, ["", "/2x2"]),
    "one tap": branched(34).with_outputs([branched(34).outputs[1]]),
    "pools with activations": pools_behind_convolutions(branched(33)),
    "odd side": mobile(33),
    "even side": mobile(32),
    "addition with activation": _activated(),
}


def scores_of(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probabilities ``[N,K]`` that onnxruntime computes for photos ``[N,S,S,3]``."""
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = pixels.transpose(0, 3, 1, 2)[:, np.newaxis].astype(np.float32)
    return np.concatenate([session.run(["probabilities"], {"image": image})[0] for image in images])


def expected_of(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probabilities ``[N,K]`` of the model file."""
    classifier = Classifier(path)
    return np.stack([classifier.scores(photo) for photo in pixels])


def operators_of(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(str(path)).graph.node}


def metadata_of(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}


# What is computed


@pytest.mark.parametrize(
    ("size", "window", "stride", "dilation", "ends"),
    [
        (224, 3, 2, 1, (0, 1)),
        (225, 3, 2, 1, (1, 1)),
        (224, 5, 2, 1, (1, 2)),
        (7, 3, 1, 1, (1, 1)),
        (7, 1, 1, 1, (0, 0)),
        (8, 1, 2, 1, (0, 0)),
        (10, 2, 1, 1, (0, 1)),
        (10, 3, 1, 2, (2, 2)),
    ],
)
def test_padding_is_that_of_tensorflow(
    size: int, window: int, stride: int, dilation: int, ends: tuple[int, int]
) -> None:
    assert padding(size, window, stride, dilation) == ends


@pytest.mark.parametrize("name", NETWORKS)
def test_float_files_give_the_same_scores(tmp_path: Path, name: str) -> None:
    model = write_whole(tmp_path / "m.tflite", NETWORKS[name], "float32")
    pixels = photos_of(NETWORKS[name].pixels.shape[0], 20, 5)
    export(model, tmp_path / "m.onnx", "onnx")
    expected = expected_of(model, pixels)
    assert expected.std(axis=0).min() > 0.05  # the scores of the photos differ
    assert np.abs(scores_of(tmp_path / "m.onnx", pixels) - expected).max() < 1e-4
    assert "QuantizeLinear" not in operators_of(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_files_give_nearly_the_same_scores_in_int8_and_in_float(tmp_path: Path, name: str) -> None:
    model = write_whole(tmp_path / "m.tflite", NETWORKS[name], "int8")
    pixels = photos_of(NETWORKS[name].pixels.shape[0], 40, 11)
    expected = expected_of(model, pixels)
    assert expected.std(axis=0).min() > 0.05
    for float_network, bound in ((False, 0.06), (True, 0.25)):
        export(model, tmp_path / "m.onnx", "onnx", float_network=float_network, overwrite=True)
        scores = scores_of(tmp_path / "m.onnx", pixels)
        assert np.abs(scores - expected).max() < bound
        assert np.abs(scores - expected).mean() < bound / 5
        lead = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2]
        clear = lead > 0.2
        assert clear.mean() > 0.5
        assert np.array_equal(scores[clear].argmax(axis=1), expected[clear].argmax(axis=1))
        assert ("QuantizeLinear" in operators_of(tmp_path / "m.onnx")) == (not float_network)


@pytest.mark.parametrize(("kind", "bound"), [("float16", 1e-3), ("dynamic", 0.05)])
def test_stored_weights_of_other_numbers_become_float32(tmp_path: Path, kind: str, bound: float) -> None:
    model = write_whole(tmp_path / "m.tflite", NETWORKS["even side"], kind)
    pixels = photos_of(32, 20, 5)
    export(model, tmp_path / "m.onnx", "onnx")
    assert np.abs(scores_of(tmp_path / "m.onnx", pixels) - expected_of(model, pixels)).max() < bound
    kinds = {constant.data_type for constant in onnx.load(str(tmp_path / "m.onnx")).graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT}


def test_int8_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    """Each int8 kernel is in both files, with the same scales."""
    model = write_whole(tmp_path / "m.tflite", NETWORKS["odd side"], "int8")
    export(model, tmp_path / "m.onnx", "onnx")
    graph = onnx.load(str(tmp_path / "m.onnx")).graph
    made = {constant.name: onnx.numpy_helper.to_array(constant) for constant in graph.initializer}
    unpacked = flatbuffer.unpack(model.read_bytes(), "it")
    kernels = [tensor for tensor in unpacked.subgraphs[0].tensors if tensor.name.endswith(b"/kernel")]
    assert len(kernels) == len(NETWORKS["odd side"].convolutions)
    for tensor in kernels:
        stored = np.asarray(unpacked.buffers[tensor.buffer].data, np.uint8).view(np.int8).reshape(tensor.shape)
        name = tensor.name.decode()
        assert made[f"{name}/stored"].dtype == np.int8
        axes = (3, 0, 1, 2) if tensor.quantization.quantizedDimension == 3 else (0, 3, 1, 2)
        assert np.array_equal(made[f"{name}/stored"], stored.transpose(axes))
        assert np.array_equal(made[f"{name}/scale"], tensor.quantization.scale)


def test_scores_of_unknown_photos_are_lowered_as_in_the_file(tmp_path: Path) -> None:
    model = write_whole(tmp_path / "m.tflite", NETWORKS["even side"], "int8")
    export(model, tmp_path / "m.onnx", "onnx")
    noise = np.random.default_rng(0).choice([0, 255], (4, 32, 32, 3)).astype(np.uint8)
    scores, expected = scores_of(tmp_path / "m.onnx", noise), expected_of(model, noise)
    assert np.abs(expected - 1 / 3).max() < 0.01
    assert np.abs(scores - expected).max() < 0.01


# The file


def test_a_file_carries_labels_card_and_versions_that_converters_take(tmp_path: Path) -> None:
    model, output = write_artifact(tmp_path / "m.tflite"), tmp_path / "m.onnx"
    report = graft_json("export", model, "--format", "onnx", "-o", output)
    assert report == {
        "export": str(output),
        "format": "onnx",
        "bytes": output.stat().st_size,
        "labels": list(LABELS),
        "input": {"name": "image", "shape": [1, 3, 32, 32], "dtype": "float32", "range": [0, 255]},
        "output": {"name": "probabilities", "shape": [1, 3], "dtype": "float32"},
    }
    made = onnx.load(str(output))
    onnx.checker.check_model(made, full_check=True)
    assert [(entry.domain, entry.version) for entry in made.opset_import] == [("", 13)]
    assert (made.ir_version, made.producer_name) == (7, "graftkit")
    assert metadata_of(output)["labels.txt"] == "red\ngreen\nblue\n"
    card = json.loads(metadata_of(output)["graft.json"])
    assert card["tap"] == "mixed0"
    assert card["exported"]["numbers"].startswith("int8")
    assert "float32 [1,3,32,32]" in card["exported"]["input"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["m.onnx", "m.tflite"]
    printed = graft("export", model, "--format", "onnx", "-o", output, "--float", "--overwrite").stdout.splitlines()
    assert printed[1:] == [
        "input      image: float32, 32 x 32 RGB pixels, 0 to 255, channels first",
        "output     probabilities: red, green, blue",
    ]
    assert json.loads(metadata_of(output)["graft.json"])["exported"]["numbers"] == "float32"
    onnx.checker.check_model(onnx.load(str(output)), full_check=True)


@pytest.mark.parametrize("float_network", [False, True])
def test_a_file_takes_one_photo(tmp_path: Path, float_network: bool) -> None:
    export(write_artifact(tmp_path / "m.tflite"), tmp_path / "m.onnx", "onnx", float_network=float_network)
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    with pytest.raises(Exception, match=r"index: 0 Got: 2 Expected: 1"):
        session.run(None, {"image": np.zeros((2, 3, 32, 32), np.float32)})


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_the_card_inside_says_how_to_resize(tmp_path: Path, resize: str) -> None:
    export(write_artifact(tmp_path / "m.tflite", card=make_card(resize=resize)), tmp_path / "m.onnx", "onnx")
    assert json.loads(metadata_of(tmp_path / "m.onnx")["graft.json"])["resize"] == resize


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = write_whole(tmp_path / "m.tflite", NETWORKS["two taps"], "int8")
    for name in ("a.onnx", "b.onnx"):
        export(model, tmp_path / name, "onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


# What is refused


def _refused(tmp_path: Path, model: Path, output: str = "x.onnx", **options: Any) -> str:
    """Returns the error about an export; no file may have changed."""
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(GraftError) as caught:
        export(model, tmp_path / output, "onnx", **options)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
    return str(caught.value)


def test_other_files_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tflite").write_bytes(b"not a model" * 100)
    assert "other.tflite" in _refused(tmp_path, tmp_path / "other.tflite")
    assert "no.tflite" in _refused(tmp_path, tmp_path / "no.tflite")
    data = bytearray(write_artifact(tmp_path / "m.tflite").read_bytes())
    data[len(network()) // 2] ^= 16
    (tmp_path / "m.tflite").write_bytes(data)
    assert "m.tflite is damaged" in _refused(tmp_path, tmp_path / "m.tflite")
    write_whole(tmp_path / "whole.tflite", NETWORKS["even side"], "int8")
    assert graft_json("export", tmp_path / "whole.tflite", "--format", "onnx", "-o", tmp_path / "w.onnx")["bytes"]


def _edited(path: Path, edit: Any) -> Path:
    """A model file without a checksum, after a change of its unpacked network."""
    unpacked = flatbuffer.unpack(network(), "it")
    edit(unpacked)
    path.write_bytes(flatbuffer.pack(unpacked) + archive(LABELS, make_card()))
    return path


def test_operators_that_are_not_known_are_named(tmp_path: Path) -> None:
    def log_softmax(unpacked: Any) -> None:
        code = next(code for code in unpacked.operatorCodes if code.builtinCode == schema.BuiltinOperator.SOFTMAX)
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOG_SOFTMAX

    def other_axes(unpacked: Any) -> None:
        unpacked.buffers[1].data = np.array([2, 3], np.int32).view(np.uint8)

    def no_bias_scale(unpacked: Any) -> None:
        unpacked.subgraphs[0].tensors[0].quantization.scale = None

    message = _refused(tmp_path, _edited(tmp_path / "m.tflite", log_softmax))
    assert "m.tflite could not be exported: ONNX export does not know the operator LOG_SOFTMAX" in message
    assert "a MEAN over other axes" in _refused(tmp_path, _edited(tmp_path / "m.tflite", other_axes))
    assert "has a graph that cannot be read" in _refused(tmp_path, _edited(tmp_path / "m.tflite", no_bias_scale))


def test_only_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    assert "no such folder" in _refused(tmp_path, model, "no/x.onnx")
    assert "x.pb does not end with .onnx" in _refused(tmp_path, model, "x.pb")
    (tmp_path / "folder.onnx").mkdir()
    assert "folder.onnx is not a regular file" in _refused(tmp_path, model, "folder.onnx", overwrite=True)
    (tmp_path / "link.onnx").symlink_to(model)
    assert "the export would replace the model" in _refused(tmp_path, model, "link.onnx", overwrite=True)
    foreign = onnx.helper.make_model(onnx.helper.make_graph([], "theirs", [], []))
    for data in (b"precious", b"", foreign.SerializeToString()):
        (tmp_path / "x.onnx").write_bytes(data)
        assert "x.onnx exists; give another name with -o, or --overwrite" in _refused(tmp_path, model)
        assert "is not an .onnx file that 'graft export' wrote" in _refused(tmp_path, model, overwrite=True)
    export(model, tmp_path / "y.onnx", "onnx")
    assert "y.onnx exists" in _refused(tmp_path, model, "y.onnx")
    before = (tmp_path / "y.onnx").read_bytes()
    export(model, tmp_path / "y.onnx", "onnx", float_network=True, overwrite=True)
    assert (tmp_path / "y.onnx").read_bytes() != before


def test_weights_are_refused_because_none_are_used(tmp_path: Path) -> None:
    message = _refused(tmp_path, write_artifact(tmp_path / "m.tflite"), weights="random")
    assert message == "onnx takes no weights: all its numbers are in the model; leave out --weights"


def test_float_is_refused_where_it_makes_no_difference(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    for kind, output in (("keras", "x.keras"), ("saved-model", "x"), ("frigate", "x")):
        with pytest.raises(ExportError, match=f"--float makes no difference to {kind}; leave it out"):
            export(model, tmp_path / output, kind, float_network=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = _refused(tmp_path, model)
    assert message == (
        "exporting as onnx needs the package onnx, which is not installed; install it: pip install 'graftkit[onnx]'"
    )


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from graft_device.errors import ExportError
from graft_host.export.export import export
disk, model = sys.argv[1:]
try:
    export(Path(model), Path(disk) / "x.onnx", "onnx")
except ExportError as error:
    print(str(error).replace(disk, "DISK"), len(list(Path(disk).iterdir())))
"""
    model = write_whole(tmp_path / "m.tflite", mobile(32, 32), "int8")
    output = run_on_small_disk(12, code, model)
    reason = "no space left on device; free some space in DISK, or give another name with -o"
    assert output == f"cannot write DISK/x.onnx: {reason} 0\n"
