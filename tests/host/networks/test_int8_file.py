"""Int8 files on both runtimes, against numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import RELU, RELU6, Concatenation, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from graft_host.tflite.operators import operators
from tests.support.networks import (
    RUNTIMES,
    branched,
    compute,
    decibels,
    mobile,
    outputs_of,
    random_parameters,
    real_outputs_of,
    unwatched,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KERAS = Scaling(127.5, 127.5)
SCALINGS = (KERAS, Scaling(128, 128), Scaling(127, 128), Scaling(100, 50), Scaling(0, 255), Scaling(123.68, 1))
NETWORKS = (branched, mobile)


def photos(side: int, count: int = 6, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def scaled(pixels: NDArray[np.uint8], scaling: Scaling) -> NDArray[np.float64]:
    return (pixels.astype(np.float64) - scaling.mean) / scaling.std


def written(
    network: Network, parameters: Mapping[str, Parameters], pixels: NDArray[np.uint8], scaling: Scaling = KERAS
) -> bytes:
    ranges = measure(network, parameters, pixels, scaling, 1, unwatched)
    return write_int8(network, parameters, ranges, scaling)


def stored(data: bytes) -> tuple[Any, dict[str, Any]]:
    """The model, and its tensors by name."""
    model = flatbuffer.unpack(data, "it")
    return model, {tensor.name.decode(): tensor for tensor in model.subgraphs[0].tensors}


def constant(model: Any, tensor: Any, dtype: type) -> NDArray[np.float64]:
    """The real numbers of a constant with a scale for each index of an axis."""
    raw: NDArray[Any] = np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype).reshape(tensor.shape)
    axis = tensor.quantization.quantizedDimension
    shape = [-1 if place == axis else 1 for place in range(raw.ndim)]
    return np.asarray(raw * np.asarray(tensor.quantization.scale, np.float64).reshape(shape))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("made", NETWORKS)
def test_bottlenecks_are_close_to_those_of_numpy(
    made: Callable[[int], Network], scaling: Scaling, runtime: str
) -> None:
    network = pools_behind_convolutions(made(48))
    parameters = random_parameters(network)
    first = network.convolutions[0].name  # pixels whose scale is not 1 need a kernel that makes up for it
    spread = scaled(np.array([0, 255], np.uint8), scaling).std()
    parameters[first] = replace(parameters[first], kernel=parameters[first].kernel / np.float32(spread))
    pixels = photos(48)
    data = written(network, parameters, pixels, scaling)
    for photo in pixels:
        expected = compute(network, parameters, scaled(photo, scaling))
        for name, computed in zip(network.outputs, real_outputs_of(data, photo[np.newaxis], runtime), strict=True):
            assert decibels(computed[0], expected[name]) > 28, name


@pytest.mark.parametrize("made", NETWORKS)
def test_boards_have_the_operators(made: Callable[[int], Network]) -> None:
    network = made(48)
    used = operators(flatbuffer.unpack(written(network, random_parameters(network), photos(48)), "it"))
    assert [operator.name for operator in used if not operator.supported] == []
    # QUANTIZE of the pixels, and before joins.
    count = sum(operator.count for operator in used)
    joined = {operator.name: operator.count for operator in used}["QUANTIZE"] - 1
    assert count - joined == len(network.layers)
    assert joined == (1 if made is branched else 0)  # the max pool; every other branch ends with a convolution


def test_pixels_go_in_and_integers_come_out() -> None:
    network = branched(29)
    model, tensors = stored(written(network, random_parameters(network), photos(29), Scaling(100, 50)))
    graph = model.subgraphs[0]
    (entrance,) = graph.inputs
    assert graph.tensors[entrance] is tensors["image"]
    assert flatbuffer.type_name(tensors["image"]) == "uint8"
    assert tensors["image"].shape.tolist() == [1, 29, 29, 3]
    assert tensors["image"].quantization.scale.tolist() == [np.float32(1 / 50)]
    assert tensors["image"].quantization.zeroPoint.tolist() == [100]
    names = [graph.tensors[place].name.decode() for place in graph.outputs]
    assert names == ["bottleneck_first", "bottleneck_second"]
    assert [flatbuffer.type_name(tensors[name]) for name in names] == ["int8", "int8"]
    signature = model.signatureDefs[0]
    assert signature.signatureKey == b"serving_default"
    assert [(entry.name, entry.tensorIndex) for entry in signature.inputs] == [(b"image", entrance)]
    assert [entry.tensorIndex for entry in signature.outputs] == list(graph.outputs)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("activation", ["linear", RELU, RELU6])
@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_one_layer_is_exact_to_a_step(kind: str, activation: str, padded: bool, scaling: Scaling, runtime: str) -> None:
    """With the kernel and bias that the file has, an output is the nearest stored number, or the one beside it."""
    builder = NetworkBuilder(9)
    if kind == "convolution":
        layer = builder.convolution("layer", builder.pixels, 16, (3, 3), stride=2, padded=padded, activation=activation)
    else:
        layer = builder.depthwise("layer", builder.pixels, (3, 3), stride=2, activation=activation)
    network = builder.finish([layer])
    parameters = random_parameters(network, 3)
    pixels = photos(9, 20)
    data = written(network, parameters, pixels, scaling)
    model, tensors = stored(data)
    kernel, bias = tensors["layer/kernel"], tensors["layer/bias"]
    filters = 16 if kind == "convolution" else 3
    assert kernel.quantization.quantizedDimension == (0 if kind == "convolution" else 3)
    assert len(kernel.quantization.scale) == len(bias.quantization.scale) == filters
    assert not np.any(kernel.quantization.zeroPoint)
    assert not np.any(bias.quantization.zeroPoint)
    assert np.allclose(bias.quantization.scale, kernel.quantization.scale * np.float32(1 / scaling.std), rtol=1e-6)
    rounded = {"layer": Parameters(constant(model, kernel, np.int8), constant(model, bias, np.int32))}  # type: ignore[arg-type]
    step = float(tensors["layer"].quantization.scale[0])
    zero = int(tensors["layer"].quantization.zeroPoint[0])
    assert np.abs(rounded["layer"].kernel - parameters["layer"].kernel).max() <= 0.51 * kernel.quantization.scale.max()
    different = []
    for photo in pixels:
        inputs = (photo.astype(np.float64) - scaling.zero_point) / scaling.std
        expected = np.clip(np.rint(compute(network, rounded, inputs)["layer"] / step) + zero, -128, 127)
        (computed,) = outputs_of(data, photo[np.newaxis], runtime)
        assert np.abs(computed[0] - expected).max() <= 1
        different.append(np.mean(computed[0] != expected))
    assert np.mean(different) < 0.02


@pytest.mark.parametrize("scaling", [Scaling(127.5, 127.5), Scaling(127.3, 1), Scaling(0.4, 255)])
def test_the_zero_of_a_padded_first_layer(scaling: Scaling) -> None:
    """The zero point is a whole pixel, and the first bias takes up the rest, except that padding is not exactly 0."""
    builder = NetworkBuilder(12)
    layer = builder.convolution("layer", builder.pixels, 8, (3, 3))
    network = builder.finish([layer])
    parameters = random_parameters(network, 5)
    kernel = parameters["layer"].kernel
    pixels = photos(12, 30)
    data = written(network, parameters, pixels, scaling)
    inside, border = [], []
    for photo in pixels:
        expected = compute(network, parameters, scaled(photo, scaling))["layer"]
        (computed,) = real_outputs_of(data, photo[np.newaxis])
        difference = computed[0] - expected
        inside.append(difference[1:-1, 1:-1].mean((0, 1)))
        border.append(difference[0, 1:-1].mean(0))
    spread = np.abs(compute(network, parameters, scaled(pixels[0], scaling))["layer"]).max()
    assert np.abs(np.mean(inside, axis=0)).max() < 0.002 * spread
    over = scaling.remainder * kernel[:, 0].sum((1, 2), dtype=np.float64)  # the kernel's row that is over the border
    assert np.abs(np.mean(border, axis=0) - over).max() < 0.01 * spread


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("made", NETWORKS)
def test_a_dead_layer_and_kernels_of_zeros(made: Callable[[int], Network], runtime: str) -> None:
    network = pools_behind_convolutions(made(48))
    pixels = photos(48)
    for dead in network.convolutions:
        parameters = random_parameters(network)
        values = parameters[dead.name]
        parameters[dead.name] = Parameters(np.zeros_like(values.kernel), np.zeros_like(values.bias))
        _compare(network, parameters, pixels, runtime)
        parameters[dead.name] = Parameters(values.kernel, np.full_like(values.bias, -100))  # which ReLU ends
        if dead.activation != "linear":
            _compare(network, parameters, pixels, runtime)


def _compare(network: Network, parameters: Mapping[str, Parameters], pixels: NDArray[np.uint8], runtime: str) -> None:
    data = written(network, parameters, pixels)
    expected = compute(network, parameters, scaled(pixels[0], KERAS))
    for name, computed in zip(network.outputs, real_outputs_of(data, pixels[:1], runtime), strict=True):
        if expected[name].any():
            assert decibels(computed[0], expected[name]) > 20
        else:
            assert not computed.any()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("size", [1e3, 1e6, 1e12])
def test_a_bias_that_dwarfs_its_kernel(size: float, runtime: str) -> None:
    """A bias of int32 holds it, because the kernel's scale leaves room."""
    builder = NetworkBuilder(8)
    network = builder.finish([builder.convolution("layer", builder.pixels, 4, (3, 3))])
    parameters = random_parameters(network)
    bias = np.array([size, -size, size / 3, 0], np.float32)
    parameters["layer"] = Parameters(parameters["layer"].kernel * np.float32(1e-3), bias)
    pixels = photos(8)
    (computed,) = real_outputs_of(written(network, parameters, pixels), pixels[:1], runtime)
    assert np.allclose(computed[0], np.broadcast_to(bias, (8, 8, 4)), atol=0.006 * size)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), side=st.integers(20, 50), made=st.sampled_from(NETWORKS), rewritten=st.booleans())
def test_a_network_of_one_output_is_cut_from_that_of_several(
    seed: int, side: int, made: Callable[[int], Network], rewritten: bool
) -> None:
    network = pools_behind_convolutions(made(side)) if rewritten else made(side)
    parameters, pixels = random_parameters(network, seed), photos(side, 3, seed)
    ranges = measure(network, parameters, pixels, KERAS, 1, unwatched)
    together = real_outputs_of(write_int8(network, parameters, ranges, KERAS), pixels[:1])
    for name, computed in zip(network.outputs, together, strict=True):
        alone = network.with_outputs([name])
        cut = write_int8(alone, parameters, ranges, KERAS)
        assert cut == written(alone, parameters, pixels)
        (by_itself,) = real_outputs_of(cut, pixels[:1])
        assert np.array_equal(by_itself, computed)


def test_joins_have_one_scale_and_pools_that_of_their_input() -> None:
    network = pools_behind_convolutions(branched(48))
    model, tensors = stored(written(network, random_parameters(network), photos(48)))
    quantizations = {
        name: (float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0]))
        for name, tensor in tensors.items()
        if tensor.quantization is not None and not name.endswith(("/kernel", "/bias"))
    }
    graph = model.subgraphs[0]
    same = {"MAX_POOL_2D", "AVERAGE_POOL_2D", "CONCATENATION"}
    checked = 0
    for operator in graph.operators:
        if flatbuffer.operator_name(model.operatorCodes[operator.opcodeIndex]) in same:
            names = [graph.tensors[place].name.decode() for place in (*operator.inputs, *operator.outputs)]
            assert len({quantizations[name] for name in names}) == 1, names
            checked += 1
    assert checked == 4
    assert quantizations["first"] != quantizations["second"]  # a scale does not depend on what comes after a tap
    assert sum(isinstance(layer, Concatenation) for layer in network.layers) == 2
