from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.errors import DatasetError, ExportError, ModelError, WeightsError
from graft_device.model import ModelFile, read_model
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.backbones.weights.find import find_weights
from graft_host.backbones.weights.provenance import weights_of
from graft_host.commands.terminal.diagnosis_text import diagnosis_text
from graft_host.diagnosis.diagnose import Diagnosis, DiagnosisOptions, diagnose
from graft_host.diagnosis.layer_comparison import Comparison
from graft_host.diagnosis.layer_error import ErrorSums, LayerError, Scheme
from graft_host.diagnosis.layers import Layer, line_up
from graft_host.diagnosis.verdict import verdict
from graft_host.heads.head import Head
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.equalization import equalized
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import RELU, Network
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.tflite.fuse import fuse
from tests.conftest import Trained, error_line, graft, graft_json
from tests.support.device_models import write_artifact
from tests.support.few_photos import few_photos
from tests.support.host_data import image_bytes, run_python, write_h5, write_photos
from tests.support.quiet import QuietReporter
from tests.support.small_models import SEED, SIZE, TAP, write_bright_and_dim, write_model
from tests.support.tiny_family import TINY

# The arithmetic

INT8 = Scheme(0.5, 0, np.dtype(np.int8))  # stores -64 to 63.5
LAYER = Layer(name="conv2d_7", operator="CONV_2D", tensor=4, inputs=(0,))


def _sums(exact: list[float], stored: list[int], scheme: Scheme = INT8) -> ErrorSums:
    sums = ErrorSums(scheme)
    sums.add(np.array(exact, np.float32), np.array(stored, np.int8))
    return sums


def test_the_ratio_is_that_of_the_mean_squares_in_decibels() -> None:
    # Signal 9 + 16 = 25; stored 3 and 4.5: noise 0.25.
    assert _sums([3, 4], [6, 9]).sqnr == pytest.approx(20.0)
    assert _sums([3, 4], [16, 19], replace(INT8, zero_point=10)).sqnr == pytest.approx(20.0)


def test_the_order_of_photos_does_not_matter() -> None:
    photos = [([3.0, 4.0], [6, 9]), ([10.0, 0.0], [20, 1]), ([-7.2, 60.0], [-14, 120])]
    one_by_one = ErrorSums(INT8)
    for exact, stored in reversed(photos):
        one_by_one.add(np.array(exact, np.float32), np.array(stored, np.int8))
    together = _sums([x for exact, _ in photos for x in exact], [q for _, stored in photos for q in stored])
    assert one_by_one.finish(LAYER, 1, []) == together.finish(LAYER, 1, [])
    signal = 25 + 100 + 7.2**2 + 3600
    assert together.sqnr == pytest.approx(10 * math.log10(signal / (0.25 + 0.25 + 0.04)), abs=1e-4)


def test_only_numbers_beyond_the_range_and_stored_as_its_end_count_as_clipped() -> None:
    exact = [63.5, 63.7, 64.0, 90.0, 90.0, -64.2, -64.3, -80.0, 0.0, 1.0]
    stored = [127, 127, 127, 127, 126, -128, -128, -128, 0, 2]
    layer = _sums(exact, stored).finish(LAYER, 1, [])
    assert layer.clipped == pytest.approx(4 / 10)  # 64.0, 90.0, -64.3, -80.0: half a step is 0.25
    assert layer.representable == (-64.0, 63.5)
    assert layer.seen == (-80.0, 90.0)
    assert layer.used == 1.0
    assert _sums([0, 31.75], [0, 64]).finish(LAYER, 1, []).used == pytest.approx(31.75 / 127.5)


def test_the_loss_of_a_layer_is_measured_against_its_worst_input() -> None:
    good, bad = _sums([1000], [126]), _sums([3, 4], [6, 9])
    assert good.sqnr is not None
    assert good.sqnr < 20
    here = _sums([1.0], [1])
    assert here.sqnr == pytest.approx(6.02, abs=0.01)
    lost = here.finish(LAYER, 1, [good, bad]).lost
    assert lost == pytest.approx(good.sqnr - 6.0206, abs=1e-3)
    assert here.finish(LAYER, 1, []).lost is None


@pytest.mark.parametrize(("exact", "stored"), [([1.0, 2.0], [2, 4]), ([0.0, 0.0], [1, 0])])
def test_without_noise_or_without_signal_there_is_no_ratio(exact: list[float], stored: list[int]) -> None:
    layer = _sums(exact, stored).finish(LAYER, 1, [_sums([3, 4], [6, 9])])
    assert layer.sqnr is None
    assert layer.lost is None
    json.dumps(layer.to_json(), allow_nan=False)


# Ranking and verdict


def _layer(name: str, order: int, sqnr: float | None, lost: float | None = 1.0, clipped: float = 0.0) -> LayerError:
    return LayerError(
        name=name,
        operator="CONV_2D",
        order=order,
        sqnr=sqnr,
        lost=lost,
        clipped=clipped,
        scale=0.1,
        representable=(0.0, 25.5),
        seen=(0.0, 20.0),
    )


def _diagnosis(*layers: LayerError) -> Diagnosis:
    return Diagnosis(
        model=Path("m.tflite"), photos=7, layers=layers, agreement=0.5, failures={Path("a.jpg"): "cut short"}
    )


FOUR = _diagnosis(
    _layer("pixels", 0, None, None),
    _layer("conv2d", 1, 30, 3),
    _layer("mixed0", 2, 12, 18),
    _layer("bottleneck", 3, 25, -13),
)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("sqnr", ["mixed0", "bottleneck", "conv2d", "pixels"]),
        ("lost", ["mixed0", "conv2d", "bottleneck", "pixels"]),
        ("order", ["pixels", "conv2d", "mixed0", "bottleneck"]),
    ],
)
def test_the_layers_can_be_ranked(sort: str, names: list[str]) -> None:
    assert [layer.name for layer in FOUR.ranked(sort)] == names
    assert [layer["name"] for layer in FOUR.to_json(sort)["layers"]] == names
    table = diagnosis_text(FOUR, sort, 2)
    assert names[1] in table
    assert names[2] not in table.split("\n\n", 1)[1]
    assert "2 more layers: --top 0 shows all" in table
    assert all(name in diagnosis_text(FOUR, sort, 0) for name in names)


def test_the_verdict_names_the_layer_that_clips_and_loses_most() -> None:
    fine = [_layer("conv2d", 0, 30), _layer("bottleneck", 1, 27.3)]
    assert verdict(fine) == "bottleneck 27.3 dB; nothing stands out"
    clipping = [_layer("conv2d", 0, 9, 31, 0.025), _layer("conv2d_1", 1, 8, 1, 0.04), _layer("bottleneck", 2, 21, 40)]
    assert "2 of 3 layers clip, conv2d above all (2.5% of its numbers, 31.0 dB lost there)" in verdict(clipping)
    assert "--recalibrate" in verdict(clipping)
    harmless = [_layer("conv2d", 0, 30, 2), _layer("bottleneck", 1, 31, -6, 0.002)]
    assert verdict(harmless) == "bottleneck 31.0 dB; nothing stands out"
    noisy = [_layer("conv2d", 0, 30, 2), _layer("conv2d_1", 1, 12, 18), _layer("bottleneck", 2, 15, -3)]
    assert verdict(noisy).endswith("below 20; no layer clips much, and conv2d_1 loses the most (18.0 dB)")


def test_the_verdict_reports_a_narrow_range_and_few_calibration_photos() -> None:
    """The result of 4 calibration photos at mixed7 and 150: hardly any number is clipped, but those by a factor."""
    deep = _layer("conv2d_11", 0, 16.7, 17)
    narrow = replace(_layer("bottleneck", 1, 18.4, -2, 0.0004), representable=(0.0, 1.53), seen=(0.0, 3.35))
    sentences = verdict([deep, narrow], 4)
    assert sentences.startswith(
        "bottleneck 18.4 dB, below 20; 1 of 2 layers sees far more than can be stored, bottleneck above all "
        "(2.2 times its range): the backbone was calibrated on only 4 photos; train with photos like these"
    )
    assert "graft train … --recalibrate" in sentences
    assert "no layer clips" not in sentences
    assert "conv2d_11" not in sentences
    # Also where the bottleneck is sound still, and where photos of another kind were calibrated on.
    unlike = verdict([deep, replace(narrow, sqnr=28.9)], 100)
    assert unlike.startswith("bottleneck 28.9 dB; 1 of 2 layers sees far more")
    assert "calibrated on photos unlike these; train with photos like these: graft train … --recalibrate" in unlike
    good = replace(narrow, sqnr=28.9, seen=(0.0, 1.27 * 1.53))
    assert verdict([deep, good], 100) == "bottleneck 28.9 dB; nothing stands out"
    outlier = replace(narrow, sqnr=28.9, clipped=3e-6, seen=(0.0, 1.6 * 1.53))
    assert verdict([deep, outlier], 100) == "bottleneck 28.9 dB; nothing stands out"
    assert verdict([deep, good], 4) == "bottleneck 28.9 dB; nothing stands out"
    assert verdict([deep, replace(good, sqnr=18.4)], 1).startswith(
        "bottleneck 18.4 dB, below 20; no layer clips much, but the backbone was calibrated on only 1 photo; train"
    )


def test_a_range_is_too_narrow_at_either_end() -> None:
    signed = replace(_layer("bottleneck", 0, 28.9, clipped=0.0001), representable=(-1.0, 1.0), seen=(-2.5, 0.5))
    assert "bottleneck above all (1.8 times its range)" in verdict([signed])
    stored = _diagnosis(signed)
    assert stored.to_json()["calibration_photos"] is None
    assert "only 4 photos" in replace(stored, calibration_photos=4).verdict


# Lining up: two branches of equal shape, in graphs whose operators are in any order and have any name


def _network(side: int = 4) -> Network:
    network = NetworkBuilder(side)
    branches = [network.convolution(name, network.pixels, 8, (1, 1)) for name in ("conv2d", "conv2d_1")]
    return network.finish([network.bottleneck(network.concatenation("mixed0", branches))])


def _graph(order: str = "01", tail: str = "MEAN", nested: bool = False, head: bool = True) -> Any:
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.buffers, model.operatorCodes, model.subgraphs = [schema.BufferT()], [], [graph]
    graph.tensors, graph.operators = [], []
    operators = schema.BuiltinOperator

    def tensor(name: str, shape: list[int], data: bytes = b"") -> int:
        entry = schema.TensorT()
        entry.name, entry.shape, entry.buffer = name.encode(), np.array(shape, np.int32), 0
        if data:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            model.buffers.append(buffer)
            entry.buffer = len(model.buffers) - 1
        graph.tensors.append(entry)
        return len(graph.tensors) - 1

    def operator(kind: str, inputs: list[int], name: str, shape: list[int]) -> int:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = getattr(operators, kind), 0
        model.operatorCodes.append(code)
        entry = schema.OperatorT()
        entry.opcodeIndex, entry.inputs = len(model.operatorCodes) - 1, np.array(inputs, np.int32)
        entry.outputs = np.array([tensor(name, shape)], np.int32)
        graph.operators.append(entry)
        return int(entry.outputs[0])

    kernel = tensor("kernel", [8, 1, 1, 3], b"weights")
    image = tensor("image", [1, 4, 4, 3])
    source = operator("QUANTIZE", [image], "tfl.quantize", [1, 4, 4, 3])
    branches = {i: operator("CONV_2D", [source, kernel], f"branch {i}", [1, 4, 4, 8]) for i in map(int, order)}
    inputs = [operator("QUANTIZE", [branches[0]], "requantized", [1, 4, 4, 8]), branches[1]]
    if nested:
        inputs = [operator("CONCATENATION", inputs, "within", [1, 4, 4, 16])]
    joined = operator("CONCATENATION", inputs, "joined", [1, 4, 4, 16])
    output = operator(tail, [joined], "whatever:0", [1, 16])
    if head:
        weights, bias = tensor("head/weights", [2, 16], b"w"), tensor("head/bias", [2], b"b")
        operator("FULLY_CONNECTED", [output, weights, bias], "head/logits", [1, 2])
    graph.inputs, graph.outputs = np.array([image], np.int32), np.array([output], np.int32)
    return model


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("order", ["01", "10"])
def test_layers_are_found_by_structure_not_by_order_or_name(order: str, nested: bool) -> None:
    model = _graph(order, nested=nested)
    layers = line_up(model, _network(), "m.tflite")
    assert [layer.name for layer in layers] == ["pixels", "conv2d", "conv2d_1", "mixed0", "bottleneck"]
    assert [layer.inputs for layer in layers] == [(), (0,), (0,), (1, 2), (3,)]
    names = [model.subgraphs[0].tensors[layer.tensor].name.decode() for layer in layers]
    assert names == ["image", "branch 0", "branch 1", "joined", "whatever:0"]


@pytest.mark.parametrize(
    ("side", "graph", "message"),
    [
        (
            4,
            {"tail": "SUM"},
            r"layer bottleneck_mixed0 is SUM \[1, 16\] of 1 there, and MEAN \[1, 16\] of 1 in float32",
        ),
        (5, {}, r"layer mixed0 is CONCATENATION \[1, 4, 4, 16\] of 2 there, and CONCATENATION \[1, 5, 5, 16\] of 2"),
    ],
)
def test_another_network_is_not_compared(side: int, graph: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportError, match=rf"m\.tflite cannot be compared .* {message}"):
        line_up(_graph(**graph), _network(side), "m.tflite")


def test_a_layer_that_is_two_tensors_is_another_network() -> None:
    network = NetworkBuilder(4)
    twice = [network.convolution("conv2d", network.pixels, 8, (1, 1))] * 2
    one = network.finish([network.bottleneck(network.concatenation("mixed0", twice))])
    with pytest.raises(ExportError, match=r"layer conv2d is two tensors there, and one in float32"):
        line_up(_graph(), one, "m.tflite")


def test_a_file_without_a_head_is_refused() -> None:
    with pytest.raises(ModelError, match=r"m\.tflite has no head"):
        line_up(_graph(head=False), _network(), "m.tflite")


# The float32 network has the form that the model has: pools behind their convolutions, or before them


def _described(*_: Any) -> Network:
    network = NetworkBuilder(8)
    pooled = network.average_pool("avg_pool", network.convolution("conv2d", network.pixels, 6, (3, 3)), 3)
    return network.finish([network.bottleneck(network.convolution("conv2d_1", pooled, 4, (1, 1), activation=RELU))])


POOLED = replace(TINY, describe=_described)


@pytest.mark.parametrize("behind", [False, True])
def test_the_float32_network_has_the_form_of_the_model(behind: bool, tmp_path: Path) -> None:
    weights, rng = replace(find_weights("random", 1), family=POOLED), np.random.default_rng(0)
    network = pools_behind_convolutions(_described()) if behind else _described()
    parameters = POOLED.read_parameters(weights, network)
    photos = rng.integers(0, 256, (6, 8, 8, 3), np.uint8)
    scaling = Scaling(weights.mean, weights.std)
    ranges = measure(network, parameters, photos, scaling, 1, lambda *_: None)
    head = Head(np.ones((4, 2), np.float32), np.zeros(2, np.float32))
    data = fuse(write_int8(network, parameters, ranges, scaling), head, rng.uniform(0, 1, (9, 4)).astype(np.float32))
    model = read_model(write_artifact(tmp_path / "m.tflite"))
    model.path.write_bytes(data)
    card = replace(model.card, tap="late", image_size=8, mean=weights.mean, std=weights.std)
    comparison = Comparison(replace(model, card=card), weights, 1)
    for pixels in photos:
        comparison.add(pixels)
    layers = comparison.layers()
    middle = ["conv2d_1", "avg_pool"] if behind else ["avg_pool", "conv2d_1"]
    assert [layer.name for layer in layers] == ["pixels", "conv2d", *middle, "bottleneck"]
    assert [layer.operator for layer in layers[2:4]] == (
        ["CONV_2D", "AVERAGE_POOL_2D"] if behind else ["AVERAGE_POOL_2D", "CONV_2D"]
    )
    assert all(layer.sqnr is not None and layer.sqnr > 30 for layer in layers)
    assert layers[2].seen[0] < 0  # neither has an activation there


def test_factors_on_channels_are_those_of_the_model(tmp_path: Path) -> None:
    network = NetworkBuilder(8)
    pooled = network.max_pool("pool", network.convolution("conv2d", network.pixels, 6, (3, 3), activation=RELU), 3)
    end = network.convolution("conv2d_1", pooled, 4, (1, 1), activation=RELU)
    described = network.finish([network.bottleneck(end)])
    weights, rng = find_weights("random", 1), np.random.default_rng(0)
    parameters = TINY.read_parameters(weights, described)
    parameters["conv2d"].kernel[:3] /= 50
    parameters["conv2d"].bias[:3] = 0
    parameters["conv2d_1"].kernel[..., :3] *= 50
    family = replace(TINY, describe=lambda *_: described, read_parameters=lambda *_: parameters)
    weights = replace(weights, family=family)
    photos = rng.integers(0, 256, (6, 8, 8, 3), np.uint8)
    scaling = Scaling(weights.mean, weights.std)
    ranges = measure(described, parameters, photos, scaling, 1, lambda *_: None)
    head = Head(np.ones((4, 2), np.float32), np.zeros(2, np.float32))
    data = write_int8(described, *equalized(described, parameters, ranges, described), scaling)
    model = read_model(write_artifact(tmp_path / "m.tflite"))
    model.path.write_bytes(fuse(data, head, rng.uniform(0, 1, (9, 4)).astype(np.float32)))
    card = replace(model.card, tap="late", image_size=8, mean=weights.mean, std=weights.std)
    comparison = Comparison(replace(model, card=card), weights, 1)
    for pixels in photos:
        comparison.add(pixels)
    _, first, pool, *others = comparison.layers()
    greatest = ranges["conv2d"].greatest
    assert greatest.max() > 30 * greatest[0]
    assert first.seen[1] == pytest.approx(greatest.max(), rel=1e-4)
    assert all(layer.sqnr is not None and layer.sqnr > 30 for layer in (first, pool, *others))


# Which weights a model was made of


def _model(tmp_path: Path, name: str, fingerprint: str, **card: Any) -> ModelFile:
    known = read_model(write_artifact(tmp_path / "m.tflite"))
    backbone = {"name": "inception_v3", "weights": name, "weights_fingerprint": fingerprint}
    return replace(known, card=replace(known.card, backbone=backbone, **card))


def test_random_weights_are_found_by_their_seed(tmp_path: Path) -> None:
    for given in (None, "random"):
        weights = weights_of(_model(tmp_path, "random", "random:12", mean=128.0), given)
        assert (weights.seed, weights.fingerprint, weights.mean, weights.std) == (12, "random:12", 128.0, 127.5)


def test_a_weights_file_must_be_the_one_of_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFT_WEIGHTS", raising=False)
    right, wrong = write_h5(tmp_path / "right.h5", []), write_h5(tmp_path / "wrong.h5", [], first=7)
    wrong.write_bytes(wrong.read_bytes() + b" ")
    fingerprint = find_weights(str(right)).fingerprint
    model = _model(tmp_path, "right.h5", fingerprint)
    assert weights_of(model, str(right)).path == right
    with pytest.raises(
        WeightsError, match=rf"wrong\.h5 is not what .*m\.tflite was made of.*right\.h5.*{fingerprint[:12]}"
    ):
        weights_of(model, str(wrong))
    with pytest.raises(
        WeightsError, match=r"m\.tflite was made from weights right\.h5 .* name their file with --weights"
    ):
        weights_of(model)
    monkeypatch.setenv("GRAFT_WEIGHTS", str(wrong))
    with pytest.raises(WeightsError, match="--weights FILE"):
        weights_of(model)
    monkeypatch.setenv("GRAFT_WEIGHTS", str(right))
    assert weights_of(model).fingerprint == fingerprint


def test_a_card_that_names_no_weights_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not say which weights"):
        weights_of(read_model(write_artifact(tmp_path / "m.tflite")))


# The command's errors


def test_only_int8_models_are_diagnosed(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite", "float32")
    line = error_line(graft("diagnose", model, tmp_path, "--cache", tmp_path / "cache"))
    assert "m.tflite is float32, and diagnose compares an int8 model" in line
    assert "--quantize int8" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tflite"]


def test_photos_and_model_must_exist(tmp_path: Path) -> None:
    assert "no.tflite" in error_line(graft("diagnose", tmp_path / "no.tflite", tmp_path))
    assert graft("diagnose", tmp_path / "no.tflite", tmp_path, "--sort", "name").returncode == 2


# Real networks


@dataclass(frozen=True)
class Small:
    """Two int8 models of the same network, calibrated on the same photos in normal and in dim light."""

    good: ModelFile
    bad: ModelFile
    photos: Path
    settings: DiagnosisOptions


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("small")
    bright, dim = write_bright_and_dim(folder / "calibration")
    return Small(
        write_model(folder / "good.tflite", "int8", folder / "cache-good", bright),
        write_model(folder / "bad.tflite", "int8", folder / "cache-bad", dim),
        write_photos(folder / "photos", count=10, first=100),
        DiagnosisOptions(part="all", limit=8),
    )


@pytest.mark.slow
def test_a_backbone_calibrated_on_other_photos_is_noticed(small: Small) -> None:
    good = diagnose(small.good.path, small.photos, small.settings, QuietReporter())
    bad = diagnose(small.bad.path, small.photos, small.settings, QuietReporter())
    assert good.photos == bad.photos == 8
    assert good.verdict.endswith("nothing stands out")
    assert good.bottleneck.sqnr is not None
    assert bad.bottleneck.sqnr is not None
    assert good.bottleneck.sqnr > 20
    assert bad.bottleneck.sqnr < good.bottleneck.sqnr - 10
    assert max(layer.clipped for layer in good.layers) < 0.001
    first = bad.ranked("lost")[0]
    assert first.name == "conv2d"
    assert first.clipped > 0.02
    assert first.seen[1] > 2 * first.representable[1]
    assert "conv2d above all" in bad.verdict
    assert "--recalibrate" in bad.verdict
    for result in (good, bad):
        ratios = [layer["sqnr"] for layer in result.to_json()["layers"]]
        assert ratios == sorted(ratios)
        assert [layer.name for layer in result.layers][-2:] == ["mixed0", "bottleneck"]
        assert sum(layer.operator == "CONV_2D" for layer in result.layers) == 12  # mixed0 has so many


@pytest.mark.slow
def test_the_ratio_of_the_bottleneck_is_that_of_the_backbones_as_the_board_runs_them(
    small: Small, tmp_path: Path
) -> None:
    result = diagnose(small.good.path, small.photos, replace(small.settings, limit=20), QuietReporter())
    photos = sorted(small.photos.rglob("*.png"))
    (float32,) = convert(find_weights("random", SEED), [TAP], SIZE, "float32", None, 1, None)
    (tmp_path / "float32.tflite").write_bytes(float32)
    exact = _bottlenecks(tmp_path / "float32.tflite", photos)
    (backbone,) = (small.good.path.parent / "cache-good" / "backbones").glob("*.tflite")
    stored = _bottlenecks(backbone, photos)
    ratio = 10 * np.log10(np.square(exact).sum() / np.square(exact - stored).sum())
    assert result.photos == len(photos)
    assert result.bottleneck.sqnr == pytest.approx(ratio, abs=1)  # delegates round a little differently
    assert result.bottleneck.seen == pytest.approx((exact.min(), exact.max()), rel=1e-3, abs=1e-6)


def _bottlenecks(path: Path, photos: list[Path]) -> NDArray[np.float64]:
    runner, weights = open_model(path, threads=1), find_weights("random", SEED)
    pixels = (preprocess(each, SIZE, "squash") for each in photos)
    rows = (runner(to_input(each, runner.input, weights.mean, weights.std))[0] for each in pixels)
    return np.stack([dequantize(row, runner.output) for row in rows]).astype(np.float64)


@pytest.mark.slow
def test_the_photos_are_those_of_the_test_split_and_always_the_same(small: Small, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", count=10, first=100)
    for index, path in enumerate(sorted(photos.rglob("*.png"))):
        path.rename(path.with_name(f"{99 - index}.png"))
    broken = tmp_path / "photos" / "cats" / "broken.jpg"
    broken.write_bytes(image_bytes(1, "JPEG", width=300, height=300)[:-1500])
    reporter = QuietReporter()
    result = diagnose(small.good.path, photos, small.settings, reporter)
    assert result.layers == diagnose(small.good.path, small.photos, small.settings, QuietReporter()).layers
    everything = diagnose(small.good.path, photos, replace(small.settings, limit=100), reporter)
    assert everything.photos == 20
    assert list(everything.failures) == [broken]
    assert f"skipped {broken}: the image is cut short" in reporter.notes
    test = diagnose(small.good.path, photos, replace(small.settings, part="test", limit=100), reporter)
    assert 0 < test.photos < 20
    assert test.layers != everything.layers
    for path in photos.rglob("*.png"):
        path.unlink()
    with pytest.raises(DatasetError, match="can be read: the image is cut short"):
        diagnose(small.good.path, photos, small.settings, reporter)


# Converts mixed10 as graftkit did before it wrote backbones itself.
_CONVERTED = """
import sys
from pathlib import Path
import numpy as np
from graft_host.backbones.weights.find import find_weights
from tests.support.converter import int8_inception

weights = find_weights("random", 0)
photos = np.random.default_rng(0).integers(0, 256, (4, 75, 75, 3), np.uint8)
Path(sys.argv[1]).write_bytes(int8_inception(weights, "mixed10", photos))
"""


@pytest.mark.slow
def test_every_block_of_a_converted_network_is_compared(tmp_path: Path) -> None:
    done = run_python(_CONVERTED, tmp_path / "backbone.tflite")
    assert done.returncode == 0, done.stderr
    rng = np.random.default_rng(0)
    head = Head(rng.normal(0, 1, (2048, 2)).astype(np.float32), np.zeros(2, np.float32))
    backbone = (tmp_path / "backbone.tflite").read_bytes()
    model = read_model(write_artifact(tmp_path / "m.tflite"))
    model.path.write_bytes(fuse(backbone, head, rng.uniform(0, 1, (9, 2048)).astype(np.float32)))
    card = replace(model.card, tap="mixed10", image_size=75)
    comparison = Comparison(replace(model, card=card), find_weights("random", 0), 1)
    comparison.add(rng.integers(0, 256, (75, 75, 3), np.uint8))
    layers = comparison.layers()
    assert sum(layer.operator == "CONV_2D" for layer in layers) == 94
    assert [layer.name for layer in layers if layer.operator == "CONCATENATION"] == list(TAPS)
    assert [layer.name for layer in layers[-4:]] == ["avg_pool_12", "conv2d_93", "mixed10", "bottleneck"]
    assert all(layer.sqnr is not None and layer.sqnr > 10 for layer in layers)


@pytest.mark.slow
def test_a_backbone_calibrated_on_four_photos_is_noticed(
    cats_and_dogs: Path, weights_file: Path, tmp_path: Path, shared_cache: Path
) -> None:
    """Only four of the photos existed when ``graft train`` first ran with the cache."""
    options = ["--weights", weights_file, "--tap", "mixed5", "--image-size", "150", "--cache", tmp_path / "cache"]
    graft_json("train", few_photos(cats_and_dogs, tmp_path / "few"), "-o", tmp_path / "few.tflite", *options)
    graft_json("train", cats_and_dogs, "-o", tmp_path / "m.tflite", *options)
    options = ["--weights", weights_file, "--cache", shared_cache]
    result = graft_json("diagnose", tmp_path / "m.tflite", cats_and_dogs, *options)
    assert result["calibration_photos"] == 4
    assert "far more than can be stored" in result["verdict"]
    assert "calibrated on only 4 photos; train with photos like these: graft train … --recalibrate" in result["verdict"]


@pytest.mark.slow
def test_a_real_model_is_sound(pets: Trained, weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFT_WEIGHTS", raising=False)
    options = [pets.model, pets.photos, "--weights", weights_file, "--cache", pets.cache, "--limit", "6"]
    result = graft_json("diagnose", *options)
    assert result["verdict"].endswith("dB; nothing stands out")
    assert result["photos"] == 6
    assert result["agreement"] == 1.0
    assert 20 < result["bottleneck"] < 40
    assert sum(layer["operator"] == "CONV_2D" for layer in result["layers"]) == 70
    assert {"pixels", "conv2d", "conv2d_69", "mixed0", "mixed7", "bottleneck"} < {
        layer["name"] for layer in result["layers"]
    }
    table = graft("diagnose", *options, "--top", "3", "--sort", "order")
    assert table.stdout.startswith(result["verdict"])
    assert [line.split()[0] for line in table.stdout.splitlines()[3:7]] == ["layer", "pixels", "conv2d", "conv2d_1"]
    missing = graft("diagnose", pets.model, pets.photos, "--cache", pets.cache)
    assert "which were not found; name their file with --weights FILE" in error_line(missing)
