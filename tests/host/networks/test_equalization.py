"""Factors on the channels of inner layers: the network computes the same, and int8 loses less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.runtime import open_model
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.equalization import equalized, recovered_factors, with_factors
from graft_host.networks.float_file import write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import LINEAR, RELU, RELU6, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import LayerRange, measure
from graft_host.networks.scaling import Scaling
from graft_host.support import flatbuffer
from graft_host.support.scratch import scratch

SCALING = Scaling(127.5, 127.5)
SIDE = 9
REACHES = (4, 1, 0.0625, 0.001, 0)
"""Of the channels of one layer: their factors are 1, 2, 8, 16 and 16."""


def chain(*taps: str, activation: str = RELU) -> Network:
    """Two convolutions with a pool between them, a depthwise one, and a last one; the mean of some of them."""
    network = NetworkBuilder(SIDE)
    end = network.convolution("first", network.pixels, len(REACHES), (3, 3), activation=activation)
    end = network.max_pool("pool", end, 3, stride=2)
    end = network.convolution("second", end, 6, (3, 3), activation=activation)
    end = network.depthwise("deep", end, (3, 3), activation=activation)
    network.convolution("tap", end, 4, (1, 1), activation=RELU)
    return network.finish([network.bottleneck(tap) for tap in (*taps, "tap")])


def drawn(network: Network, seed: int, spread: float) -> dict[str, Parameters]:
    """Random parameters whose filters differ in size by a factor of up to e to the ``spread``."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for layer in network.convolutions:
        shape = network.kernel_shape(layer)
        size = np.exp(rng.uniform(-spread, 0, layer.shape[-1]))
        axis = (slice(None), None, None, None) if shape[0] > 1 else (slice(None),)
        kernel = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape) * size[axis]
        parameters[layer.name] = Parameters(kernel.astype(np.float32), (0.1 * size).astype(np.float32))
    return parameters


def photos(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def measured(network: Network, parameters: dict[str, Parameters]) -> dict[str, LayerRange]:
    return measure(network, parameters, photos(8), SCALING, 1, lambda *_: None)


def outputs(data: bytes) -> NDArray[np.float32]:
    """The real numbers of the first output for photos on which nothing was measured."""
    with scratch() as folder:
        path = folder / "network.tflite"
        path.write_bytes(data)
        runner = open_model(path, "litert", threads=1)
    pixels = photos(20, seed=1)
    if runner.output.dtype == np.int8:
        stored = np.stack([runner(photo[np.newaxis])[0] for photo in pixels])
        return dequantize(stored, runner.output)
    return np.stack([runner((photo[np.newaxis].astype(np.float32) - 127.5) / 127.5)[0] for photo in pixels])


def seen(reaches: tuple[float, ...], least: tuple[float, ...] | None = None) -> LayerRange:
    greatest = np.array(reaches, np.float32)
    return LayerRange(
        np.zeros_like(greatest) if least is None else np.array(least, np.float32), greatest, greatest / 2.0
    )


def test_a_channel_is_multiplied_by_the_root_of_what_it_lacks() -> None:
    network = chain()
    parameters = drawn(network, 0, 0)
    ranges = {**measured(network, parameters), "first": seen(REACHES), "pool": seen(REACHES)}
    ours, covered = equalized(network, parameters, ranges, network)
    factors = np.array([1, 2, 8, 16, 16], np.float32)
    np.testing.assert_allclose(ours["first"].kernel, parameters["first"].kernel * factors[:, None, None, None], 1e-6)
    np.testing.assert_allclose(ours["first"].bias, parameters["first"].bias * factors, 1e-6)
    own = np.sqrt(ranges["second"].greatest.max() / ranges["second"].greatest)
    expected = parameters["second"].kernel / factors * own[:, None, None, None]
    np.testing.assert_allclose(ours["second"].kernel, expected, 1e-6)
    for name in ("first", "pool"):
        np.testing.assert_allclose(covered[name].greatest, [4, 2, 0.5, 0.016, 0], 1e-6)
        np.testing.assert_allclose(covered[name].means, [2, 1, 0.25, 0.008, 0], 1e-6)
    np.testing.assert_array_equal(covered["pixels"].means, ranges["pixels"].means)


def test_numbers_below_zero_count_by_their_distance() -> None:
    network = chain(activation=LINEAR)
    parameters = drawn(network, 0, 0)
    ranges = {**measured(network, parameters), "first": seen((4, 1, 1, 1, 1), (0, -1, -4, -0.25, -0.5))}
    _, covered = equalized(network, parameters, ranges, network)
    np.testing.assert_allclose(covered["first"].least, [0, -2, -4, -0.5, -1], 1e-6)


def test_a_layer_of_zeros_stays() -> None:
    network = chain()
    parameters = drawn(network, 0, 0)
    ranges = {**measured(network, parameters), "first": seen((0,) * 5)}
    ours, _ = equalized(network, parameters, ranges, network)
    np.testing.assert_array_equal(ours["first"].kernel, parameters["first"].kernel)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), spread=st.floats(0, 6), activation=st.sampled_from([RELU, LINEAR]))
def test_the_network_computes_the_same(seed: int, spread: float, activation: str) -> None:
    network = chain(activation=activation)
    parameters = drawn(network, seed, spread)
    ours, covered = equalized(network, parameters, measured(network, parameters), network)
    before, after = outputs(write_float32(network, parameters)), outputs(write_float32(network, ours))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5 * float(np.abs(before).max()))
    for name, again in measured(network, ours).items():
        size = max(float(again.greatest.max()), -float(again.least.min()))
        for part in ("least", "greatest", "means"):
            np.testing.assert_allclose(getattr(covered[name], part), getattr(again, part), atol=1e-5 * size)


@pytest.mark.parametrize("name", ["first", "second", "deep"])
def test_int8_loses_less(name: str) -> None:
    """Where the next layer makes up for the size of each channel, the small ones matter as much as the large ones."""
    network, losses = chain(), []
    for seed in range(5):
        balanced = drawn(network, seed, 0)
        sizes = np.exp(np.random.default_rng(seed).uniform(-4, 0, network[name].shape[-1])).astype(np.float32)
        factors = {"first": sizes, "pool": sizes} if name == "first" else {name: sizes}
        parameters = with_factors(network, balanced, factors)
        exact, ranges = outputs(write_float32(network, parameters)), measured(network, parameters)
        errors = [
            float(np.square(outputs(write_int8(network, *values, SCALING)) - exact).sum())
            for values in ((parameters, ranges), equalized(network, parameters, ranges, network))
        ]
        losses.append(errors[1] / errors[0])
    assert np.median(losses) < 0.8


def branched(reader: str) -> Network:
    """A convolution that a convolution reads, and something else."""
    network = NetworkBuilder(SIDE)
    end = network.convolution("first", network.pixels, 4, (3, 3), activation=RELU)
    other = network.convolution("other", end, 4, (1, 1), activation=RELU)
    if reader == "mean":
        return network.finish([network.bottleneck("first"), network.bottleneck("other")])
    if reader == "output":
        return network.finish(["first", "other"])
    join = network.concatenation("end", [end, other]) if reader == "join" else network.addition("end", end, other)
    return network.finish([network.convolution("last", join, 4, (1, 1))])


@pytest.mark.parametrize("reader", ["mean", "output", "join", "addition"])
def test_layers_that_not_only_convolutions_read_stay(reader: str) -> None:
    network = branched(reader)
    parameters = drawn(network, 0, 4)
    ours, _ = equalized(network, parameters, measured(network, parameters), network)
    for name, values in parameters.items():
        np.testing.assert_array_equal(ours[name].kernel, values.kernel)


def test_layers_that_can_be_taps_stay() -> None:
    network, whole = chain(), chain("pool", "second", "deep")
    parameters = drawn(network, 0, 4)
    ours, covered = equalized(network, parameters, ranges := measured(network, parameters), whole)
    for name, values in parameters.items():
        np.testing.assert_array_equal(ours[name].kernel, values.kernel)
    assert covered == ranges


def test_relu6_stays() -> None:
    network = chain(activation=RELU6)
    parameters = drawn(network, 0, 4)
    ours, _ = equalized(network, parameters, measured(network, parameters), network)
    for name, values in parameters.items():
        np.testing.assert_array_equal(ours[name].kernel, values.kernel)


def test_given_factors() -> None:
    network = chain()
    parameters = drawn(network, 0, 0)
    factors = {"deep": np.arange(1, 7, dtype=np.float32)}
    ours = with_factors(network, parameters, factors)
    np.testing.assert_array_equal(ours["first"].kernel, parameters["first"].kernel)
    np.testing.assert_allclose(ours["deep"].kernel, parameters["deep"].kernel * factors["deep"])
    np.testing.assert_allclose(ours["deep"].bias, parameters["deep"].bias * factors["deep"])
    np.testing.assert_allclose(ours["tap"].kernel, parameters["tap"].kernel / factors["deep"])


@pytest.mark.parametrize("taps", [(), ("first",), ("pool", "second", "deep")])
def test_factors_are_recovered_from_a_file(taps: tuple[str, ...]) -> None:
    network = chain()
    parameters = drawn(network, 3, 4)
    parameters["second"].kernel[1] = 0  # a filter whose scale its bias decides on
    ours, covered = equalized(network, parameters, measured(network, parameters), chain(*taps))
    model = flatbuffer.unpack(write_int8(network, ours, covered, SCALING), "it")
    tensors = {tensor.name.decode(): tensor.quantization for tensor in model.subgraphs[0].tensors}
    filters = {layer.name: tensors[f"{layer.name}/kernel"].scale for layer in network.convolutions}
    inputs = {layer.name: float(tensors[layer.inputs[0]].scale[0]) for layer in network.convolutions}
    recovered = with_factors(network, parameters, recovered_factors(network, parameters, filters, inputs))
    for name, values in ours.items():
        np.testing.assert_allclose(recovered[name].kernel, values.kernel, 1e-5, 1e-12)
        np.testing.assert_allclose(recovered[name].bias, values.bias, 1e-5)
