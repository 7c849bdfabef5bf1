"""The first kernels are rounded so that their outputs change least on photos."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.inception_v3.layers import describe
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.float_file import write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import RELU, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.patches import first_convolutions, sample_patches
from graft_host.networks.ranges import measure
from graft_host.networks.scaling import Scaling
from graft_host.networks.weight_rounding import round_kernels, round_together
from graft_host.support import flatbuffer
from graft_host.support.scratch import scratch

SCALING = Scaling(127.5, 127.5)
SIDE = 12


def chain(*, padded: bool = True) -> Network:
    network = NetworkBuilder(SIDE)
    end = network.convolution("first", network.pixels, 8, (3, 3), stride=2, padded=padded, activation=RELU)
    end = network.max_pool("pool", end, 2)
    end = network.convolution("second", end, 16, (1, 3), padded=padded, activation=RELU)
    branches = [network.convolution(name, end, 4, (1, 1), activation=RELU) for name in ("left", "right")]
    return network.finish([network.bottleneck(network.concatenation("join", branches))])


def drawn(network: Network) -> dict[str, Parameters]:
    rng = np.random.default_rng(0)
    parameters = {}
    for layer in network.convolutions:
        shape = network.kernel_shape(layer)
        kernel = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        parameters[layer.name] = Parameters(kernel, rng.normal(0, 0.1, shape[0]).astype(np.float32))
    return parameters


def smooth_photos(count: int, seed: int) -> NDArray[np.uint8]:
    """Photos in which neighbouring pixels are nearly the same."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(-1, 1, SIDE)
    slopes = rng.uniform(-50, 50, (2, count, 1, 1, 3))
    levels = rng.uniform(60, 190, (count, 1, 1, 3)) + slopes[0] * ramp[:, None, None] + slopes[1] * ramp[:, None]
    return np.asarray(np.clip(levels + rng.normal(0, 3, levels.shape), 0, 255), np.uint8)


def outputs(data: bytes, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    with scratch() as folder:
        path = folder / "network.tflite"
        path.write_bytes(data)
        runner = open_model(path, "litert", threads=1)
    if runner.input.dtype == np.uint8:
        return np.stack([dequantize(runner(photo[np.newaxis])[0], runner.output) for photo in photos])
    return np.stack([runner((photo[np.newaxis].astype(np.float32) - 127.5) / 127.5)[0] for photo in photos])


def test_independent_inputs_are_rounded_one_by_one() -> None:
    kernel = np.random.default_rng(0).uniform(-100, 100, (8, 5))
    inputs = np.concatenate([np.eye(8), -np.eye(8)]).astype(np.float32)
    steps = np.array([1, 2, 3, 0.9, 5.0])
    np.testing.assert_array_equal(round_together(kernel, steps, inputs, 0.01), np.rint(kernel / steps))


def test_inputs_that_vary_together_share_their_error() -> None:
    inputs = np.random.default_rng(0).normal(5, 1, (50, 1)).astype(np.float32).repeat(5, 1)
    kernel = np.full((5, 1), 0.4)
    rounded = round_together(kernel, np.ones(1), inputs, 1e-6)
    assert rounded.sum() == 2  # each by itself would be 0
    assert set(rounded.ravel()) == {0, 1}


def test_a_number_stays_within_int8() -> None:
    inputs = np.random.default_rng(0).normal(0, 1, (50, 1)).astype(np.float32).repeat(2, 1)
    rounded = round_together(np.array([[127.4], [126.9]]), np.ones(1), inputs, 1e-6)
    assert rounded.ravel().tolist() == [127, 127]


def test_inputs_that_never_vary_do_no_harm() -> None:
    inputs = np.full((20, 3), 7, np.float32)
    assert round_together(np.array([[1.2], [2.7], [-3.4]]), np.ones(1), inputs, 0.01).ravel().tolist() == [1, 3, -3]


def test_the_first_convolutions_are_those_before_the_network_branches() -> None:
    assert [layer.name for layer in first_convolutions(chain())] == ["first", "second"]
    names = [layer.name for layer in first_convolutions(describe(["mixed0", "mixed1"], 75))]
    assert names == ["conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4"]
    network = NetworkBuilder(SIDE)
    end = network.convolution("tap", network.pixels, 4, (3, 3))
    end = network.convolution("behind", end, 4, (3, 3))
    whole = network.finish([network.bottleneck("tap"), network.bottleneck("behind")])
    assert [layer.name for layer in first_convolutions(whole)] == ["tap"]


@pytest.mark.parametrize("padded", [True, False])
def test_patches_are_what_a_convolution_reads(padded: bool) -> None:
    network, photos = chain(padded=padded), smooth_photos(3, 0)
    parameters, layers = drawn(network), first_convolutions(network)
    patches = sample_patches(network, parameters, layers, photos, SCALING, 1)
    assert sorted(patches) == ["first", "second"]
    for layer in layers:
        values = parameters[layer.name]
        computed = np.maximum(patches[layer.name] @ values.kernel.reshape(len(values.kernel), -1).T + values.bias, 0)
        exact = outputs(write_float32(network.with_outputs([layer.name]), parameters), photos)
        exact = exact.reshape(-1, exact.shape[-1])
        assert computed.shape == exact.shape  # all patches of photos as small as these
        np.testing.assert_allclose(np.sort(computed, 0), np.sort(exact, 0), atol=1e-5)
    again = sample_patches(network, parameters, layers, photos, SCALING, 3)
    for name, drawn_again in again.items():
        np.testing.assert_array_equal(drawn_again, patches[name])


def test_int8_loses_less_and_stores_these_numbers() -> None:
    network, photos = chain(), smooth_photos(16, 0)
    parameters = drawn(network)
    network = network.with_outputs(["second"])
    ranges = measure(network, parameters, photos, SCALING, 1, lambda *_: None)
    patches = sample_patches(network, parameters, first_convolutions(network), photos, SCALING, 1)
    rounded = round_kernels(network, parameters, ranges, SCALING, patches, 1)
    files = [write_int8(network, parameters, ranges, SCALING, kernels) for kernels in (None, rounded)]
    others = smooth_photos(40, 1)
    exact = outputs(write_float32(network, parameters), others)
    errors = [float(np.square(outputs(data, others) - exact).sum()) for data in files]
    assert errors[1] < errors[0]
    model = flatbuffer.unpack(files[1], "it")
    (tensor,) = (tensor for tensor in model.subgraphs[0].tensors if tensor.name == b"second/kernel")
    stored = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int8)
    np.testing.assert_array_equal(stored, rounded["second"].ravel())
    unseen = sample_patches(network, parameters, first_convolutions(network), others, SCALING, 1)["second"]
    kernel = parameters["second"].kernel.reshape(16, -1)
    steps = tensor.quantization.scale[:, None]
    noise = [
        np.var(unseen @ (numbers * steps - kernel).T, axis=0).sum()
        for numbers in (np.rint(kernel / steps), stored.reshape(16, -1))
    ]
    assert noise[1] < 0.7 * noise[0]


def test_the_same_bytes_for_any_number_of_threads() -> None:
    weights = find_weights("random", 5)
    photos = np.random.default_rng(0).integers(0, 256, (10, 75, 75, 3), np.uint8)
    files = [convert(weights, ["mixed0", "mixed1"], 75, "int8", photos, threads, None) for threads in (1, 2, 3)]
    assert files[0] == files[1] == files[2]
    alone = convert(weights, ["mixed0"], 75, "int8", photos, 2, None)
    assert alone == files[0][1:2]
