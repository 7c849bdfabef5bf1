"""Small networks, what numpy computes with them, and what the runtimes compute with their files."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import (
    RELU,
    RELU6,
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    Entrance,
    Layer,
    MaxPool,
    Mean,
    QuarterMeans,
    Window,
)
from graft_host.networks.parameters import Parameters
from graft_host.support import flatbuffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graft_host.networks.layers import Network

RUNTIMES = ("ai_edge_litert", "tflite_runtime")


def outputs_of(data: bytes, pixels: NDArray[Any], runtime: str = "ai_edge_litert", threads: int = 1) -> list[Any]:
    """What a network returns for one input, in the order of its outputs."""
    module = importlib.import_module(f"{runtime}.interpreter")
    interpreter = module.Interpreter(model_content=data, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]


def real_outputs_of(data: bytes, pixels: NDArray[np.uint8], runtime: str = "ai_edge_litert") -> list[NDArray[Any]]:
    """The real numbers that an int8 network's outputs stand for."""
    model = flatbuffer.unpack(data, "it")
    graph = model.subgraphs[0]
    quantizations = [graph.tensors[place].quantization for place in graph.outputs]
    return [
        (stored.astype(np.float64) - int(quantization.zeroPoint[0])) * float(quantization.scale[0])
        for stored, quantization in zip(outputs_of(data, pixels, runtime), quantizations, strict=True)
    ]


def outputs_by_signature(data: bytes, pixels: NDArray[Any], runtime: str = "ai_edge_litert") -> dict[str, Any]:
    """What the only signature of a network returns for one input, in the order of the numbers in the names."""
    module = importlib.import_module(f"{runtime}.interpreter")
    interpreter = module.Interpreter(model_content=data, num_threads=1)
    ((_, names),) = interpreter.get_signature_list().items()
    (entrance,) = names["inputs"]
    outputs = interpreter.get_signature_runner()(**{entrance: pixels})
    return dict(sorted(outputs.items(), key=lambda entry: int(entry[0].rpartition("_")[2])))


def unwatched(_done: int, _total: int) -> None:
    """Progress that nobody sees."""


def largest_error(computed: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest difference, relative to the largest absolute value that is expected."""
    assert np.isfinite(computed).all()
    return float(np.abs(computed.astype(np.float64) - expected).max() / np.abs(expected).max())


def decibels(computed: NDArray[Any], expected: NDArray[Any]) -> float:
    """Signal to quantization noise."""
    noise = np.square(computed.astype(np.float64) - expected).sum()
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise))


def random_parameters(network: Network, seed: int = 0) -> dict[str, Parameters]:
    """Kernels of the scale that keeps activations in range, and biases of both signs."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for layer in network.convolutions:
        shape = network.kernel_shape(layer)
        inputs = int(np.prod(shape[1:3])) * (shape[3] if isinstance(layer, Convolution) else 1)
        kernel = rng.normal(0, np.sqrt(2 / inputs), shape)
        parameters[layer.name] = Parameters(
            kernel.astype(np.float32), rng.normal(0, 0.3, layer.shape[-1:]).astype(np.float32)
        )
    return parameters


def branched(side: int) -> Network:
    """Like Inception: branches, an average pool before a 1 x 1 convolution, max pools into joins; two taps."""
    network = NetworkBuilder(side)
    stem = network.convolution("stem", network.pixels, 12, (3, 3), stride=2, padded=False, activation=RELU)
    wide = network.convolution("wide", stem, 8, (1, 1), activation=RELU)
    wide = network.convolution("wide_1x3", wide, 8, (1, 3), activation=RELU)
    pooled = network.average_pool("mean", stem, 3)
    pooled = network.convolution("mean_1x1", pooled, 6, (1, 1), activation=RELU)
    first = network.concatenation("first", [network.convolution("point", stem, 10, (1, 1)), wide, pooled])
    halved = network.convolution("halved", first, 16, (3, 3), stride=2, padded=False, activation=RELU)
    greatest = network.max_pool("greatest", first, 3, stride=2, padded=False)
    second = network.concatenation("second", [halved, greatest])
    return network.finish([network.bottleneck(first), network.bottleneck(second)])


def mobile(side: int, width: int = 8) -> Network:
    """Like MobileNet v2: depthwise convolutions, ReLU6, an addition."""
    network = NetworkBuilder(side)
    end = network.convolution("stem", network.pixels, width, (3, 3), stride=2, activation=RELU6)
    start = network.convolution("narrow", end, width, (1, 1))
    end = network.convolution("widened", start, 3 * width, (1, 1), activation=RELU6)
    end = network.depthwise("each", end, (3, 3), activation=RELU6)
    end = network.convolution("narrowed", end, width, (1, 1))
    end = network.addition("sum", start, end)
    end = network.depthwise("each_halved", end, (5, 5), stride=2, activation=RELU6)
    return network.finish([network.bottleneck(network.convolution("last", end, 20, (1, 1), activation=RELU))])


def compute(
    network: Network, parameters: Mapping[str, Parameters], pixels: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Each layer of a network for one photo of scaled pixels ``[S,S,3]``, in float64 and without any library."""
    computed: dict[str, NDArray[np.float64]] = {}
    for layer in network.layers:
        inputs = [computed[name] for name in layer.inputs] or [pixels.astype(np.float64)]
        values = _computed(layer, inputs, parameters)
        computed[layer.name] = _activated(values, getattr(layer, "activation", ""))
        assert computed[layer.name].shape == layer.shape, layer.name
    return computed


def _computed(
    layer: Layer, inputs: list[NDArray[np.float64]], parameters: Mapping[str, Parameters]
) -> NDArray[np.float64]:
    if isinstance(layer, (Convolution, Depthwise)):
        return _convolved(inputs[0], layer, parameters[layer.name])
    return np.asarray(next(of(inputs, layer) for kind, of in _COMPUTED.items() if isinstance(layer, kind)))


_COMPUTED: dict[type[Layer], Callable[[list[NDArray[np.float64]], Any], Any]] = {
    Entrance: lambda inputs, _: inputs[0],
    MaxPool: lambda inputs, layer: _windows(inputs[0], layer, -np.inf).max((3, 4)),
    AveragePool: lambda inputs, layer: np.nanmean(_windows(inputs[0], layer, np.nan), (3, 4)),
    Concatenation: lambda inputs, _: np.concatenate(inputs, axis=2),
    Addition: lambda inputs, _: inputs[0] + inputs[1],
    Mean: lambda inputs, _: inputs[0].mean((0, 1)),
    QuarterMeans: lambda inputs, _: quarter_means(inputs[0]),
}


def quarter_means(values: NDArray[Any]) -> NDArray[np.float64]:
    """The means of the quarters of a map ``[H,W,C]``, ``[4C]``: windows of half the sides, and a stride of the rest."""
    height, width = values.shape[:2]
    high, wide = (height + 1) // 2, (width + 1) // 2
    corners = [(top, left) for top in (0, height // 2) for left in (0, width // 2)]
    return np.concatenate(
        [values[top : top + high, left : left + wide].mean((0, 1), dtype=np.float64) for top, left in corners]
    )


def _convolved(values: NDArray[np.float64], layer: Window, parameters: Parameters) -> NDArray[np.float64]:
    windows = _windows(values, layer, 0)  # [rows, columns, channels, height, width]
    kernel, bias = parameters.kernel.astype(np.float64), parameters.bias.astype(np.float64)
    if isinstance(layer, Depthwise):
        return np.asarray(np.einsum("ijchw,hwc->ijc", windows, kernel[0]) + bias)
    return np.asarray(np.einsum("ijchw,fhwc->ijf", windows, kernel, optimize=True) + bias)


def _windows(values: NDArray[np.float64], layer: Window, beyond: float) -> NDArray[np.float64]:
    """The windows of a layer, ``[rows, columns, channels, height, width]``; ``beyond`` is what is over the border."""
    if layer.padded:
        margins = []
        for side, window in zip(values.shape[:2], layer.size, strict=True):
            over = max((-(-side // layer.stride) - 1) * layer.stride + window - side, 0)
            margins.append((over // 2, over - over // 2))
        values = np.pad(values, (*margins, (0, 0)), constant_values=beyond)
    views: NDArray[np.float64] = sliding_window_view(values, layer.size, axis=(0, 1))  # type: ignore[call-overload]
    return views[:: layer.stride, :: layer.stride]


def _activated(values: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    if activation == RELU:
        return np.maximum(values, 0)
    return np.clip(values, 0, 6) if activation == RELU6 else values
