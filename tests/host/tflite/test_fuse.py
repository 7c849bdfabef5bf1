from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_device.runtime import installed_runtimes, open_model
from graft_host.heads.head import Head
from graft_host.heads.novelty import Likeness, Novelty, measure_spread
from graft_host.networks.file_writer import FileWriter
from graft_host.support import flatbuffer
from graft_host.tflite.fuse import fuse
from tests.support.device_models import backbone

RUNTIMES = [name for name in installed_runtimes() if name != "tensorflow"]
SCALE = 0.02
LENGTH = 24


def plain_backbone(length: int, kind: int = schema.TensorType.INT8) -> bytes:
    """A backbone that returns its input as the bottleneck ``[1, length]``."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = b"x", np.array([1, length], np.int32), kind, 0
    if kind == schema.TensorType.INT8:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([SCALE], np.float32)
        tensor.quantization.zeroPoint = np.array([-128], np.int64)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [tensor], []
    graph.inputs = graph.outputs = np.array([0], np.int32)
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [], [graph], [schema.BufferT()]
    return flatbuffer.pack(model)


def backbone_of_several_taps(kinds: Sequence[int]) -> bytes:
    """A backbone whose one input ``[1,N]`` is each of its bottlenecks, at scales that double from tap to tap."""
    model = flatbuffer.unpack(plain_backbone(LENGTH, kinds[0]), "plain")
    file = FileWriter(model)
    outputs = []
    for place, kind in enumerate(kinds):
        if kind == schema.TensorType.INT8:
            output = file.tensor(f"tap{place}", (1, LENGTH), np.int8, SCALE * 2**place, -128)
            file.convert(0, output, schema.BuiltinOperator.QUANTIZE, 2)
        else:
            output = file.tensor(f"tap{place}", (1, LENGTH), np.float32)
            factor = file.constant(f"factor{place}", np.array([2.0**place], np.float32))
            options = schema.MulOptionsT()
            file.add(schema.BuiltinOperator.MUL, 1, [0, factor], output, schema.BuiltinOptions.MulOptions, options)
        outputs.append(output)
    return file.finish(0, outputs)


def several(real: NDArray[np.float32], taps: int, kind: int) -> NDArray[np.float32]:
    """What these bottlenecks are for inputs that stand for real numbers ``[N,LENGTH]``."""
    parts = []
    for place in range(taps):
        scale = np.float32(SCALE * 2**place)
        stored = np.clip(np.rint(real / scale), 0, 255)
        parts.append(stored * scale if kind == schema.TensorType.INT8 else real * np.float32(2**place))
    joined: NDArray[np.float32] = np.concatenate(parts, axis=1).astype(np.float32)
    return joined


def some_head(length: int, classes: int, seed: int = 0) -> Head:
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.5, (length, classes)).astype(np.float32)
    return Head(kernel, rng.normal(0, 1, classes).astype(np.float32))


def stored_bottlenecks(photos: int, length: int, seed: int = 0) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-128, 128, (photos, length)).astype(np.int8)


def logit_step(data: bytes) -> float:
    tensors = flatbuffer.unpack(data, "fused").subgraphs[0].tensors
    (logits,) = [tensor for tensor in tensors if tensor.name == b"head/logits"]
    return float(logits.quantization.scale[0])


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def run(path: Path, runtime: str, inputs: NDArray[Any]) -> NDArray[Any]:
    runner = open_model(path, runtime)
    return np.concatenate([runner(row[np.newaxis]) for row in inputs])


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("classes", [2, 3, 4, 7, 100])
def test_the_int8_head_agrees_with_the_float_head(tmp_path: Path, runtime: str, classes: int) -> None:
    stored = stored_bottlenecks(200, 64)
    real = ((stored.astype(np.float32) + 128) * SCALE).astype(np.float32)
    head = some_head(64, classes)
    path = tmp_path / "fused.tflite"
    path.write_bytes(fuse(plain_backbone(64), head, real))
    scores = run(path, runtime, stored)
    assert scores.dtype == np.float32
    expected = softmax(head.logits(real))
    assert np.mean(scores.argmax(axis=1) == expected.argmax(axis=1)) >= 0.98
    assert np.abs(scores - expected).max() < 0.12
    assert np.abs(scores - expected).mean() < 0.01


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("classes", [2, 5])
def test_float_head_is_exact(tmp_path: Path, runtime: str, classes: int) -> None:
    values = np.random.default_rng(0).normal(0, 1, (20, 64)).astype(np.float32)
    head = some_head(64, classes)
    path = tmp_path / "fused.tflite"
    path.write_bytes(fuse(plain_backbone(64, schema.TensorType.FLOAT32), head, values))
    scores = run(path, runtime, values)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, softmax(head.logits(values)), atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", [schema.TensorType.INT8, schema.TensorType.FLOAT32])
@pytest.mark.parametrize("classes", [2, 7])
def test_the_file_shrinks_the_logits_of_unknown_photos(tmp_path: Path, runtime: str, kind: int, classes: int) -> None:
    """Scores up to the start are those without novelty; beyond it they are as ``Novelty`` computes them."""
    stored = np.clip(stored_bottlenecks(300, 64), -100, -20)
    known = ((stored.astype(np.float32) + 128) * SCALE).astype(np.float32)
    head = some_head(64, classes)
    novelty = Novelty(measure_spread(known), start=1.3)
    # From well within the known photos to far out.
    reach = np.linspace(0, 2.5, 80, dtype=np.float32)[:, np.newaxis]
    stored_new = np.clip(np.rint(known[:80] * reach / SCALE) - 128, -128, 127).astype(np.int8)
    real = (stored_new.astype(np.float32) + 128) * np.float32(SCALE)
    factors = novelty.shrink(real)
    assert factors.max() == 1
    farthest = factors < 0.003
    assert farthest.any()
    path = tmp_path / "fused.tflite"
    path.write_bytes(fuse(plain_backbone(64, kind), head, known, novelty=novelty))
    scores = run(path, runtime, stored_new if kind == schema.TensorType.INT8 else real)
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(fuse(plain_backbone(64, kind), head, known))
    without = run(plain, runtime, stored_new if kind == schema.TensorType.INT8 else real)
    expected = softmax(np.log(without) * factors[:, np.newaxis])
    np.testing.assert_allclose(scores, expected, atol=2e-3)
    np.testing.assert_allclose(scores[farthest], 1 / classes, atol=0.01)
    np.testing.assert_array_equal(scores.argmax(axis=1), without.argmax(axis=1))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", [schema.TensorType.INT8, schema.TensorType.FLOAT32])
@pytest.mark.parametrize("taps", [2, 4])
def test_the_head_on_several_taps_is_exact(tmp_path: Path, runtime: str, kind: int, taps: int) -> None:
    """Each tap is dequantized with its own scale; everything behind that is float32, novelty too."""
    stored = np.clip(2 * (stored_bottlenecks(60, LENGTH) // 2), -128, 126).astype(np.int8)
    real = ((stored.astype(np.float32) + 128) * np.float32(SCALE)).astype(np.float32)
    inputs = stored if kind == schema.TensorType.INT8 else real
    if kind == schema.TensorType.INT8:
        real = real - np.float32(SCALE) * ((stored.astype(np.int16) + 128) % 2**taps)  # no scale has to round
        inputs = np.asarray(np.rint(real / SCALE) - 128, np.int8)
    joined = several(real, taps, kind)
    head = some_head(taps * LENGTH, 5)
    novelty = Novelty(measure_spread(joined), start=0.9)
    factors = novelty.shrink(joined)
    assert (factors < 0.9).any()
    assert (factors == 1).any()
    network = backbone_of_several_taps([kind] * taps)
    path, plain = tmp_path / "fused.tflite", tmp_path / "plain.tflite"
    path.write_bytes(fuse(network, head, joined, novelty=novelty))
    plain.write_bytes(fuse(network, head, joined))
    np.testing.assert_allclose(run(plain, runtime, inputs), softmax(head.logits(joined)), atol=1e-5)
    np.testing.assert_allclose(
        run(path, runtime, inputs), softmax(head.logits(joined) * factors[:, np.newaxis]), atol=1e-3
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", [schema.TensorType.INT8, schema.TensorType.FLOAT32])
@pytest.mark.parametrize("taps", [1, 3])
@pytest.mark.parametrize("root", [True, False])
def test_the_file_shrinks_the_logits_of_what_looks_like_negatives(
    tmp_path: Path, runtime: str, kind: int, taps: int, root: bool
) -> None:
    stored = np.clip(8 * (stored_bottlenecks(120, LENGTH) // 8), -128, 120).astype(np.int8)  # no scale has to round
    real = ((stored.astype(np.float32) + 128) * np.float32(SCALE)).astype(np.float32)
    joined = several(real, taps, kind) if taps > 1 else real
    network = backbone_of_several_taps([kind] * taps) if taps > 1 else plain_backbone(LENGTH, kind)
    head, spread = some_head(taps * LENGTH, 4), replace(measure_spread(joined), root=root)
    weight = np.random.default_rng(3).normal(0, 1, taps * LENGTH).astype(np.float32)
    values = spread.values(joined) @ weight
    likeness = Likeness(weight / np.float32(2 * values.std()), -float(np.quantile(values, 0.6)) / (2 * values.std()))
    start = float(np.quantile(spread.distance(joined), 0.6))
    far, both = Novelty(spread, start).shrink(joined), Novelty(spread, start, likeness).shrink(joined)
    near = Novelty(spread, start * 100, likeness).shrink(joined)
    for factors in (far, near, both):
        assert ((factors < 0.9) & (factors > 0.01)).any()
        assert (factors == 1).any()
    assert both.min() == near.min() == pytest.approx(np.exp(-10))  # the two together shrink no more than one alone
    path = tmp_path / "fused.tflite"
    path.write_bytes(fuse(network, head, joined, novelty=Novelty(spread, start, likeness)))
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(fuse(network, head, joined))
    inputs = stored if kind == schema.TensorType.INT8 else real
    without, scores = run(plain, runtime, inputs), run(path, runtime, inputs)
    logits = np.log(without) if taps == 1 else head.logits(joined)
    np.testing.assert_allclose(scores, softmax(logits * both[:, np.newaxis]), atol=2e-3)
    np.testing.assert_array_equal(scores.argmax(axis=1), without.argmax(axis=1))


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_backbone_stays_byte_for_byte_the_same(kind: str) -> None:
    before = flatbuffer.unpack(backbone(kind), "before")
    after = flatbuffer.unpack(fuse(backbone(kind), some_head(3, 3), np.ones((4, 3), np.float32)), "after")
    for old, new in zip(before.buffers, after.buffers, strict=False):
        assert (old.data is None and new.data is None) or bytes(old.data) == bytes(new.data)
    old_graph, new_graph = before.subgraphs[0], after.subgraphs[0]
    for old, new in zip(old_graph.tensors, new_graph.tensors, strict=False):
        assert list(old.shape) == list(new.shape)
        assert (old.type, old.buffer) == (new.type, new.buffer)
        assert (old.quantization is None) == (new.quantization is None)
        if old.quantization is not None:
            assert list(old.quantization.scale) == list(new.quantization.scale)
            assert list(old.quantization.zeroPoint) == list(new.quantization.zeroPoint)
    for old, new in zip(old_graph.operators, new_graph.operators, strict=False):
        assert list(old.inputs) == list(new.inputs)
        assert list(old.outputs) == list(new.outputs)
    assert len(new_graph.operators) == len(old_graph.operators) + (3 if kind == "int8" else 2)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_head_is_safe_for_the_oldest_runtime(kind: str) -> None:
    """A bias even if it is zero, and one scale for all weights: without both, tflite-runtime 2.14.0 crashes on Arm."""
    head = Head(some_head(3, 2).kernel, np.zeros(2, np.float32))
    model = flatbuffer.unpack(fuse(backbone(kind), head, np.ones((4, 3), np.float32)), "fused")
    graph = model.subgraphs[0]
    (dense,) = [node for node in graph.operators if _builtin(model, node) == schema.BuiltinOperator.FULLY_CONNECTED]
    assert len(dense.inputs) == 3
    assert min(dense.inputs) >= 0
    weights, bias = (graph.tensors[index] for index in dense.inputs[1:])
    assert model.buffers[bias.buffer].data is not None
    if kind == "int8":
        assert len(weights.quantization.scale) == 1
        assert bias.type == schema.TensorType.INT32
    assert all(tensor.shapeSignature is None for tensor in graph.tensors)


def _builtin(model: Any, node: Any) -> int:
    return int(model.operatorCodes[node.opcodeIndex].builtinCode)


def test_buffers_are_aligned_in_the_file() -> None:
    data = fuse(backbone(), some_head(3, 5), np.ones((4, 3), np.float32))
    model = schema.Model.GetRootAs(data)
    aligned = 0
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            assert start % 16 == 0, index
            aligned += 1
    assert aligned >= 3


@given(st.integers(1, 40), st.integers(2, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_any_head_can_be_fused_and_opened(tmp_path_factory: Any, length: int, classes: int, seed: int) -> None:
    stored = stored_bottlenecks(12, length, seed)
    real = ((stored.astype(np.float32) + 128) * SCALE).astype(np.float32)
    path = tmp_path_factory.mktemp("any") / "fused.tflite"
    path.write_bytes(fuse(plain_backbone(length), some_head(length, classes, seed), real))
    outputs = [run(path, runtime, stored) for runtime in RUNTIMES]
    # The runtimes may round a logit differently by a step of size s, which changes a probability by at most p(1-p)·2s.
    step = logit_step(path.read_bytes())
    bound = math.expm1(2 * step) / 4 + 1e-5
    for output in outputs:
        assert output.shape == (12, classes)
        np.testing.assert_allclose(output.sum(axis=1), 1, atol=1e-5)
        assert np.abs(output - outputs[0]).max() <= bound


def test_a_backbone_that_does_not_fit_is_refused() -> None:
    ones = np.ones((4, 3), np.float32)
    with pytest.raises(ExportError, match=r"gives \[1, 3\], but the head takes \[1, 5\]; use a head"):
        fuse(backbone(), some_head(5, 2), np.ones((4, 5), np.float32))
    with pytest.raises(ExportError, match=r"gives \[1, 24\] and \[1, 24\], but the head takes \[1, 24\]; use a head"):
        fuse(backbone_of_several_taps([schema.TensorType.INT8] * 2), some_head(24, 2), np.ones((4, 24), np.float32))
    mixed = backbone_of_several_taps([schema.TensorType.FLOAT32, schema.TensorType.INT8])
    with pytest.raises(ExportError, match="float32 and int8 bottlenecks, but only int8 and float32 can be fused"):
        fuse(mixed, some_head(48, 2), np.ones((4, 48), np.float32))
    with pytest.raises(ExportError, match="uint8 bottlenecks, but only int8 and float32"):
        fuse(plain_backbone(3, schema.TensorType.UINT8), some_head(3, 2), ones)
    with pytest.raises(ExportError, match=r"is not a \.tflite model"):
        fuse(b"no flatbuffer at all", some_head(3, 2), ones)


def test_an_operator_that_is_too_new_stops_the_export() -> None:
    model = flatbuffer.unpack(backbone(), "backbone")
    model.operatorCodes[1].version = 4
    with pytest.raises(ExportError, match=r"2\.14\.0 does not support MEAN version 4; train again with --recalibrate"):
        fuse(flatbuffer.pack(model), some_head(3, 2), np.ones((4, 3), np.float32))


def test_a_damaged_flatbuffer_is_an_error() -> None:
    data = bytearray(backbone())
    data[:4] = b"\xff\xff\xff\x7f"
    with pytest.raises(ExportError, match="damaged"):
        fuse(bytes(data), some_head(3, 2), np.ones((4, 3), np.float32))
