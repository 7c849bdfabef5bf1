"""Depthwise convolutions in place of average pools: the same bits, for each value that can occur."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.errors import ExportError, PhotoError
from graft_device.runtime import open_model
from graft_host.backbones.bottlenecks import workers
from graft_host.backbones.bottlenecks.jobs import jobs_for
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.inception_v3 import layers as inception_layers
from graft_host.backbones.inception_v3 import weights as inception_weights
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.depthwise_means import with_depthwise_means
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import LINEAR, RELU, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import LayerRange, measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.photos.renditions import renditions
from graft_host.support import flatbuffer
from tests.support.host_data import photos_in

SCALING = Scaling(127.5, 127.5)
FILTERS = 24
POOL = schema.BuiltinOperator.AVERAGE_POOL_2D


def pooled(side: int, *, activation: str = RELU, size: int = 3) -> Network:
    network = NetworkBuilder(side)
    mean = network.average_pool("pool", network.pixels, size)
    return pools_behind_convolutions(
        network.finish([network.convolution("conv", mean, FILTERS, (1, 1), activation=activation)])
    )


def written(network: Network, least: float, greatest: float) -> bytes:
    """The int8 file of ``pooled`` whose convolution ranges from ``least`` to ``greatest``; its outputs reach both."""
    rng = np.random.default_rng(0)
    kernel = rng.uniform(-1, 1, (FILTERS, 1, 1, 3)).astype(np.float32)
    kernel *= (greatest - least) / 2 / np.abs(kernel).sum(3, keepdims=True)
    bias = np.full(FILTERS, (greatest + least) / 2, np.float32)
    means = {"pixels": np.zeros(3), "conv": bias.astype(np.float64), "pool": bias.astype(np.float64)}
    ends = [
        {name: np.full(len(values), end, np.float32) for name, values in means.items()} for end in (least, greatest)
    ]
    ranges = {name: LayerRange(ends[0][name], ends[1][name], values) for name, values in means.items()}
    return write_int8(network, {"conv": Parameters(kernel, bias)}, ranges, SCALING)


def outputs(data: bytes, photos: NDArray[np.uint8], folder: Path) -> NDArray[Any]:
    path = folder / f"{len(list(folder.iterdir()))}.tflite"
    path.write_bytes(data)
    runner = open_model(path, "litert", threads=1)
    return np.stack([runner(photo[np.newaxis])[0] for photo in photos])


def pools(data: bytes) -> int:
    model = flatbuffer.unpack(data, "it")
    codes = [flatbuffer.builtin(code) for code in model.operatorCodes]
    return sum(codes[operator.opcodeIndex] == POOL for operator in model.subgraphs[0].operators)


@pytest.mark.parametrize("side", [3, 4, 5, 8, 17])
@pytest.mark.parametrize(("least", "greatest"), [(-1.3, 1), (-1, 1), (-0.4, 1), (-0.02, 1), (-2, 1)])
def test_the_same_bits(side: int, least: float, greatest: float, tmp_path: Path) -> None:
    data = written(pooled(side), least, greatest)
    ours = with_depthwise_means(data, "it")
    assert ours is not None
    assert (pools(data), pools(ours)) == (1, 0)
    rng = np.random.default_rng(1)
    photos = np.concatenate(
        [
            rng.integers(0, 256, (40, side, side, 3), np.uint8),
            rng.choice(np.array([0, 255], np.uint8), (20, side, side, 3)),
            np.repeat(rng.integers(0, 256, (20, 1, 1, 3), np.uint8), side, 1).repeat(side, 2),
        ]
    )
    expected = outputs(data, photos, tmp_path)
    assert len(np.unique(expected)) > 30
    assert np.array_equal(outputs(ours, photos, tmp_path), expected)


def test_halves_are_rounded_as_the_pool_rounds_them(tmp_path: Path) -> None:
    """At edges, one mean of six is halfway between two stored numbers; in corners, one of four."""
    data = written(pooled(5), -1, 1)
    ours = with_depthwise_means(data, "it")
    assert ours is not None
    changed = flatbuffer.unpack(ours, "it")
    for buffer in (
        changed.buffers[tensor.buffer] for tensor in changed.subgraphs[0].tensors if b"/bias" in tensor.name
    ):
        if buffer.data is not None and (np.frombuffer(bytes(buffer.data), np.int32) == 1).all():
            buffer.data = np.zeros_like(buffer.data)
    photos = np.random.default_rng(2).integers(0, 256, (40, 5, 5, 3), np.uint8)
    expected = outputs(data, photos, tmp_path)
    other = outputs(flatbuffer.pack(changed), photos, tmp_path)
    assert np.array_equal(outputs(ours, photos, tmp_path), expected)
    assert np.array_equal(other[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1])
    assert (other != expected).any()  # what the bias of 1 is for


@pytest.mark.parametrize(
    "network", [pooled(2), pooled(5, size=2), pooled(5, activation=LINEAR)], ids=["side 2", "2 x 2", "no ReLU"]
)
def test_pools_that_could_give_other_bits_stay(network: Network) -> None:
    assert with_depthwise_means(written(network, -1, 1), "it") is None


def test_the_file_has_no_negative_number_before_the_rectification() -> None:
    model = flatbuffer.unpack(written(pooled(5), -0.4, 1), "it")
    tensors = {tensor.name.decode(): tensor.quantization for tensor in model.subgraphs[0].tensors}
    convolution, pool, constant = (tensors[name] for name in ("conv", "pool/linear", "pool/constant"))
    assert convolution.zeroPoint[0] == pool.zeroPoint[0] == -128
    assert convolution.scale[0] == pool.scale[0]
    assert 127 * constant.scale[0] == pytest.approx(128 * pool.scale[0])  # 0 is stored as 0, though -0.4 is the least


def test_a_lower_threshold_keeps_the_pool() -> None:
    model = flatbuffer.unpack(written(pooled(5), -1, 1), "it")
    for tensor in model.subgraphs[0].tensors:
        if tensor.name == b"pool/constant":
            tensor.quantization.scale = tensor.quantization.scale * np.float32(127 / 128)
    assert with_depthwise_means(flatbuffer.pack(model), "it") is None


def test_a_pool_that_something_else_reads_stays() -> None:
    model = flatbuffer.unpack(written(pooled(5), -1, 1), "it")
    graph = model.subgraphs[0]
    names = [tensor.name for tensor in graph.tensors]
    graph.outputs = np.array([*graph.outputs, names.index(b"pool/linear")], np.int32)
    assert with_depthwise_means(flatbuffer.pack(model), "it") is None


def test_a_damaged_file() -> None:
    with pytest.raises(ExportError, match=r"^cut\.tflite is damaged"):
        with_depthwise_means(written(pooled(5), -1, 1)[:900], "cut.tflite")


@pytest.mark.parametrize(("tap", "side", "count"), [("mixed0", 75, 1), ("mixed4", 107, 4)])
def test_inception(tap: str, side: int, count: int, tmp_path: Path) -> None:
    weights = find_weights("random", 7)
    network = pools_behind_convolutions(inception_layers.describe([tap], side))
    parameters = inception_weights.read_parameters(weights, network)
    photos = np.random.default_rng(0).integers(0, 256, (6, side, side, 3), np.uint8)
    ranges = measure(network, parameters, photos[:2], SCALING, 2, lambda *_: None)
    data = write_int8(network, parameters, ranges, SCALING)
    ours = with_depthwise_means(data, "it")
    assert ours is not None
    assert (pools(data), pools(ours)) == (count, 0)
    assert np.array_equal(outputs(ours, photos, tmp_path), outputs(data, photos, tmp_path))


def test_extraction_rewrites_a_network_that_runs_often(tmp_path: Path) -> None:
    data = written(pooled(5), -1, 1)
    path = tmp_path / "network.tflite"
    path.write_bytes(data)
    with workers.fastest(path, workers.MANY - 1) as file:
        assert file == path
    with workers.fastest(path, workers.MANY) as file:
        assert file.read_bytes() == with_depthwise_means(data, "it")
    assert not file.exists()
    assert path.read_bytes() == data


def test_extraction_of_many_photos_gives_the_bottlenecks_of_the_network_itself(tmp_path: Path) -> None:
    weights, photos = find_weights("random", 7), photos_in(tmp_path / "photos", 15)
    spec = BackboneSpec(weights=weights, tap="mixed0", image_size=75, quantization="int8", resize="squash")
    path = quantized_backbone(spec, photos, tmp_path / "cache", 2).path
    variants = workers.MANY // len(photos)
    jobs = jobs_for((photos, renditions(variants=variants - 1)))
    expected: dict[str, Any] = {}
    for part in (jobs[:8], jobs[8:]):  # too few to rewrite the network for
        expected |= {job.photo.digest: found for job, found in workers.extracted(path, spec, part, 1)}
    many = {job.photo.digest: found for job, found in workers.extracted(path, spec, jobs, 1)}
    assert many.keys() == expected.keys()
    assert len(many) == len(photos)
    for digest, found in many.items():
        assert not isinstance(found, PhotoError)
        assert len(found) == len(expected[digest]) == variants
        assert all(np.array_equal(one[0], other[0]) for one, other in zip(found, expected[digest], strict=True))
