"""Float files on both runtimes, against numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.errors import ExportError
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.support import flatbuffer
from graft_host.tflite.operators import operators
from tests.support.networks import (
    RUNTIMES,
    branched,
    compute,
    largest_error,
    mobile,
    outputs_by_signature,
    outputs_of,
    random_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = (write_float32, write_float16, write_dynamic)
BOUNDS = {write_float32: 1e-6, write_float16: 1e-3, write_dynamic: 0.02}
NETWORKS = (branched, mobile)


def every_layer(network: Network) -> Network:
    return Network(network.layers, tuple(layer.name for layer in network.layers[1:]))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("side", [29, 32])
@pytest.mark.parametrize("made", NETWORKS)
def test_each_layer_of_a_float32_file_is_that_of_numpy(made: Callable[[int], Network], side: int, runtime: str) -> None:
    network = every_layer(made(side))
    parameters = random_parameters(network, side)
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
    expected = compute(network, parameters, pixels[0])
    for name, computed in zip(
        network.outputs, outputs_of(write_float32(network, parameters), pixels, runtime), strict=True
    ):
        assert computed.shape == (1, *network[name].shape)
        assert largest_error(computed[0], expected[name]) <= 1e-6, name


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("made", NETWORKS)
def test_bottlenecks_on_both_runtimes(
    made: Callable[[int], Network], write: Callable[..., bytes], runtime: str
) -> None:
    network = made(48)
    parameters = random_parameters(network)
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, 48, 48, 3)).astype(np.float32)
    expected = compute(network, parameters, pixels[0])
    found = outputs_by_signature(write(network, parameters), pixels, runtime)
    assert list(found) == [f"output_{place}" for place in range(len(network.outputs))]
    for name, computed in zip(network.outputs, found.values(), strict=True):
        assert computed.dtype == np.float32
        assert largest_error(computed[0], expected[name]) <= BOUNDS[write], name


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("made", NETWORKS)
def test_boards_have_the_operators(made: Callable[[int], Network], write: Callable[..., bytes]) -> None:
    network = made(48)
    used = operators(flatbuffer.unpack(write(network, random_parameters(network)), "it"))
    assert [operator.name for operator in used if not operator.supported] == []
    assert sum(operator.count for operator in used if operator.name != "DEQUANTIZE") == len(network.layers) - 1


@pytest.mark.parametrize("made", NETWORKS)
def test_what_the_kinds_store(made: Callable[[int], Network]) -> None:
    network = made(48)
    parameters = random_parameters(network)
    types = {}
    for write in WRITERS:
        model = flatbuffer.unpack(write(network, parameters), "it")
        named = {
            tensor.name: tensor
            for tensor in model.subgraphs[0].tensors
            if model.buffers[tensor.buffer].data is not None
        }
        types[write] = {
            layer.name: flatbuffer.type_name(named[f"{layer.name}/kernel".encode()]) for layer in network.convolutions
        }
    assert set(types[write_float32].values()) == {"float32"}
    assert set(types[write_float16].values()) == {"float16"}
    # It saves little to store a small kernel in fewer bits.
    for name, kind in types[write_dynamic].items():
        assert kind == ("int8" if parameters[name].kernel.size >= 1024 else "float32"), name


def test_weights_beyond_float16_are_clipped() -> None:
    builder = NetworkBuilder(4)
    network = builder.finish([builder.convolution("conv", builder.pixels, 2, (1, 1))])
    kernel = np.array([[[[1e5, 0, 1]]], [[[-3e38, 0.5, 0]]]], np.float32)
    parameters = {"conv": Parameters(kernel, np.array([1e30, 1e-9], np.float32))}
    pixels = np.zeros((1, 4, 4, 3), np.float32)
    pixels[..., 1] = 1
    for runtime in RUNTIMES:
        (computed,) = outputs_of(write_float16(network, parameters), pixels, runtime)
        assert computed[0, 0, 0].tolist() == [65504, 0.5]
        pixels[..., 0] = 1
        (computed,) = outputs_of(write_float16(network, parameters), pixels, runtime)
        assert computed[0, 0, 0].tolist() == [2 * 65504, 0.5 - 65504]
        pixels[..., 0] = 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_dynamic_file_keeps_a_scale_for_each_filter(runtime: str) -> None:
    """Filters of very different sizes, in a convolution and a depthwise one, keep their precision."""
    builder = NetworkBuilder(16)
    wide = builder.convolution("wide", builder.pixels, 128, (3, 3))
    network = builder.finish([builder.depthwise("each", wide, (3, 3))])
    parameters = random_parameters(network)
    sizes = np.geomspace(1e-3, 1, 128).astype(np.float32)
    parameters["each"] = replace(
        parameters["each"], kernel=parameters["each"].kernel * sizes, bias=np.zeros(128, np.float32)
    )
    assert parameters["each"].kernel.size >= 1024
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    expected = compute(network, parameters, pixels[0])["each"]
    (computed,) = outputs_of(write_dynamic(network, parameters), pixels, runtime)
    for channel in range(128):
        assert largest_error(computed[0, :, :, channel], expected[:, :, channel]) <= 0.03, channel


def test_parameters_that_do_not_fit() -> None:
    network = branched(29)
    parameters = random_parameters(network)
    for write in WRITERS:
        with pytest.raises(ExportError, match=r"^the network's layer wide has no weights$"):
            write(network, {name: each for name, each in parameters.items() if name != "wide"})
        wrong = Parameters(np.zeros((8, 3, 3, 3), np.float32), parameters["wide"].bias)
        with pytest.raises(ExportError, match=r"^the kernel of layer wide is \(8, 3, 3, 3\), not \(8, 1, 1, 12\)$"):
            write(network, {**parameters, "wide": wrong})
        wrong = Parameters(parameters["wide"].kernel, np.zeros(7, np.float32))
        with pytest.raises(ExportError, match=r"^the bias of layer wide is \(7,\), not \(8,\)$"):
            write(network, {**parameters, "wide": wrong})
