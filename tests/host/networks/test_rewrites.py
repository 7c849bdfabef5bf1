"""Rewritten networks: the same numbers in float, in the form that is faster or that int8 needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.runtime import open_interpreter
from graft_host.backbones.inception_v3 import layers as inception_layers
from graft_host.backbones.inception_v3 import weights as inception_weights
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.float_file import write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import (
    LINEAR,
    RELU,
    AveragePool,
    Concatenation,
    Convolution,
    Layer,
    MaxPool,
    Network,
    Rectification,
    Requantization,
)
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions, ready_for_int8
from graft_host.networks.scaling import Scaling

SIDE = 107
TAPS = ("mixed2", "mixed5")
SCALING = Scaling(127.5, 127.5)


def parameters_of(network: Network) -> dict[str, Parameters]:
    return dict(inception_weights.read_parameters(find_weights("random", 5), network))


def outputs(data: bytes, pixels: NDArray[np.generic], path: Path) -> list[NDArray[np.float32]]:
    path.write_bytes(data)
    _, interpreter = open_interpreter(path, "litert", threads=1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    found = []
    for end in interpreter.get_output_details():
        scale, zero_point = end["quantization"]
        values = interpreter.get_tensor(end["index"])[0].astype(np.float64)
        found.append((values - zero_point) * scale if scale else values)
    return found


def test_pools_behind_convolutions_compute_the_same(tmp_path: Path) -> None:
    described = inception_layers.describe(TAPS, SIDE)
    network = pools_behind_convolutions(described)
    parameters = parameters_of(described)
    pixels = np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    before, after = (outputs(write_float32(each, parameters), pixels, tmp_path / "it") for each in (described, network))
    for expected, ours in zip(before, after, strict=True):
        assert np.linalg.norm(ours - expected) <= 1e-5 * np.linalg.norm(expected)


def test_every_pool_of_inception_moves() -> None:
    described = inception_layers.describe(["mixed10"], SIDE)
    network = pools_behind_convolutions(described)
    assert sorted(layer.name for layer in network.layers) == sorted(layer.name for layer in described.layers)
    pools = [layer for layer in network.layers if isinstance(layer, AveragePool)]
    assert len(pools) == 9
    for pool in pools:
        convolution, (join,) = network[pool.inputs[0]], network.readers(pool.name)
        assert isinstance(convolution, Convolution)
        assert isinstance(join, Concatenation)
        assert (convolution.size, convolution.activation, pool.activation) == ((1, 1), LINEAR, RELU)
        assert pool.shape == convolution.shape
        assert pool.shape[-1] < network[convolution.inputs[0]].shape[-1]
    assert {layer.name: network.kernel_shape(layer) for layer in network.convolutions} == {
        layer.name: described.kernel_shape(layer) for layer in described.convolutions
    }
    assert pools_behind_convolutions(network) == network


def small(convolution: dict[str, object], *, twice: bool = False, output: str = "end") -> Network:
    network = NetworkBuilder(9)
    pool = network.average_pool("pool", network.pixels, 3)
    network.convolution("conv", pool, 4, **{"size": (1, 1), "activation": RELU} | convolution)  # type: ignore[arg-type]
    if twice:
        network.convolution("other", pool, 4, (1, 1))
        return network.finish(["conv", "other"])
    return network.finish(["conv"] if output == "end" else ["conv", "pool"])


@pytest.mark.parametrize(
    "network",
    [small({"size": (3, 3)}), small({"stride": 2}), small({}, twice=True), small({}, output="pool")],
    ids=["3 x 3", "stride 2", "two readers", "an output"],
)
def test_pools_stay_that_cannot_move(network: Network) -> None:
    assert pools_behind_convolutions(network) == network


def test_a_pool_with_a_stride_moves_too(tmp_path: Path) -> None:
    network = NetworkBuilder(9)
    pool = network.average_pool("pool", network.pixels, 3, stride=2, padded=False)
    described = network.finish([network.convolution("conv", pool, 4, (1, 1), activation=RELU)])
    moved = pools_behind_convolutions(described)
    assert moved.outputs == ("pool",)
    assert (moved["conv"].shape, moved["pool"].shape) == ((9, 9, 4), (4, 4, 4))
    rng = np.random.default_rng(0)
    parameters = {"conv": Parameters(rng.normal(size=(4, 1, 1, 3)).astype(np.float32), np.ones(4, np.float32))}
    pixels = rng.uniform(-1, 1, (1, 9, 9, 3)).astype(np.float32)
    (expected,), (ours,) = (
        outputs(write_float32(each, parameters), pixels, tmp_path / "it") for each in (described, moved)
    )
    assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()


def test_int8_agrees_in_both_forms(tmp_path: Path) -> None:
    """The bottleneck in int8 is as far from float32 with the pools behind as before, or nearer."""
    described = inception_layers.describe(["mixed4"], SIDE)
    parameters = parameters_of(described)
    photos = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)
    scaled = (photos.astype(np.float32) - np.float32(SCALING.mean)) / np.float32(SCALING.std)
    exact = write_float32(described, parameters)
    real = [outputs(exact, photo[np.newaxis], tmp_path / "it")[0] for photo in scaled]
    noise = []
    for network in (described, pools_behind_convolutions(described)):
        data = write_int8(
            network, parameters, measure(network, parameters, photos, SCALING, 2, lambda *_: None), SCALING
        )
        ours = [outputs(data, photo[np.newaxis], tmp_path / "it")[0] for photo in photos]
        noise.append(np.linalg.norm(np.subtract(ours, real)) / np.linalg.norm(real))
    assert noise[1] <= 1.05 * noise[0]
    assert noise[1] < 0.1


def test_joins_get_one_scale_for_all_their_inputs() -> None:
    network = ready_for_int8(pools_behind_convolutions(inception_layers.describe(["mixed10"], SIDE)))
    joins = [layer for layer in network.layers if isinstance(layer, Concatenation)]
    assert len(joins) == 11
    for join in joins:
        for name in join.inputs:
            source = network[name]
            assert network.readers(name) == (join,)
            assert isinstance(source, (Convolution, Rectification, Requantization)), name


def test_pools_are_rectified_and_requantized() -> None:
    network = ready_for_int8(pools_behind_convolutions(inception_layers.describe(["mixed3"], SIDE)))
    requantized = [network[layer.inputs[0]] for layer in network.layers if isinstance(layer, Requantization)]
    assert [type(layer) for layer in requantized] == [MaxPool]
    rectified = {layer.name: network[layer.inputs[0]] for layer in network.layers if isinstance(layer, Rectification)}
    assert list(rectified) == ["avg_pool_2", "avg_pool_3", "avg_pool_4"]
    for name, pool in rectified.items():
        assert isinstance(pool, AveragePool)
        convolution = network[pool.inputs[0]]
        assert isinstance(convolution, Convolution)
        assert (pool.name, pool.activation, convolution.activation) == (f"{name}/linear", LINEAR, LINEAR)


def test_requantizing_changes_nothing_else() -> None:
    network = ready_for_int8(inception_layers.describe(["mixed3"], SIDE))
    without = Network(tuple(_skipped(network, layer) for layer in network.layers), network.outputs)
    assert without.with_outputs(network.outputs) == inception_layers.describe(["mixed3"], SIDE)


def _skipped(network: Network, layer: Layer) -> Layer:
    """A layer that reads what a ``Requantization`` reads, in place of it."""
    sources = [network[name] for name in layer.inputs]
    inputs = tuple(source.inputs[0] if isinstance(source, Requantization) else source.name for source in sources)
    return replace(layer, inputs=inputs)
