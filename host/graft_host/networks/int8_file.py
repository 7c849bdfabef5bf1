"""Writes a network in int8: uint8 pixels in, int8 bottlenecks out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_host.networks.bias_correction import mean_error
from graft_host.networks.file_writer import INPUT_NAME, FileWriter
from graft_host.networks.kernels import along, filter_scales
from graft_host.networks.layer_writer import write_layer
from graft_host.networks.layers import Convolution, Depthwise, Entrance, Network, Rectification
from graft_host.networks.parameters import Parameters, check_parameters
from graft_host.networks.ranges import LayerRange, Ranges
from graft_host.networks.rewrites import ready_for_int8
from graft_host.networks.scales import choose_scales
from graft_host.networks.scaling import SMALLEST, InputScaling, Quantization, Scaling

_CODES = schema.BuiltinOperator
_VERSIONS = {
    _CODES.QUANTIZE: 1,
    _CODES.CONV_2D: 3,
    _CODES.DEPTHWISE_CONV_2D: 3,
    _CODES.MAX_POOL_2D: 2,
    _CODES.AVERAGE_POOL_2D: 2,
    _CODES.CONCATENATION: 2,
    _CODES.ADD: 2,
    _CODES.MEAN: 2,
    _CODES.SLICE: 2,
}
"""The first that knows int8, which tflite-runtime 2.14.0 has."""

_LARGEST_STORED = 127  # of int8
_LARGEST_BIAS = 2**31 - 1


@dataclass(frozen=True)
class _Stored:
    """A kernel and a bias as an int8 file has them.

    Attributes:
        kernel: int8 ``[filters, height, width, channels]``.
        scales: of the kernel's filters, float32.
        bias: int32 ``[filters]``.
        bias_scales: of the bias, float64: those of the kernel times that of the input.
    """

    kernel: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: NDArray[np.int32]
    bias_scales: NDArray[np.float64]


def write_int8(
    network: Network,
    parameters: Mapping[str, Parameters],
    ranges: Ranges,
    scaling: Scaling,
    rounded: Mapping[str, NDArray[np.float64]] | None = None,
) -> bytes:
    """A file from pixels, uint8 ``[1,S,S,3]``, to the network's outputs, int8.

    The input's quantization holds the scaling of pixels. ``append_int8`` describes the rest.

    Args:
        network: that starts with pixels, without a ``Requantization``.
        parameters: of its layers.
        ranges: of its layers, from ``measure``.
        scaling: of pixels.
        rounded: kernels as ``round_kernels`` returns them, by layer; all others are rounded weight by weight.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    file, pixels = FileWriter(), network.pixels
    stored, shape = scaling.quantization, (1, *pixels.shape)
    image = file.tensor(INPUT_NAME, shape, np.uint8, stored.scale, scaling.zero_point)
    entrance = file.tensor(pixels.name, shape, np.int8, stored.scale, stored.zero_point)
    write_layer(file, pixels, [image], entrance, _VERSIONS)
    outputs = append_int8(file, entrance, network, parameters, ranges, scaling, rounded)
    return file.finish(image, outputs)


def append_int8(
    file: FileWriter,
    entrance: int,
    network: Network,
    parameters: Mapping[str, Parameters],
    ranges: Ranges,
    scaling: InputScaling,
    rounded: Mapping[str, NDArray[np.float64]] | None = None,
) -> list[int]:
    """Adds the layers of a network to a file behind its input, which is there.

    Activations have one scale and zero point, kernels a scale for each filter, and a bias of int32 takes up the mean
    error that rounding its kernel causes.

    Args:
        file: to add to.
        entrance: the tensor of the network's input, int8 ``[1,H,W,C]``, with the quantization of ``scaling``.
        network: without a ``Requantization``.
        parameters: of its layers.
        ranges: of its layers, from ``measure``.
        scaling: of the input.
        rounded: kernels as ``round_kernels`` returns them, by layer; all others are rounded weight by weight.

    Returns:
        The tensors of the network's outputs.

    Raises:
        ExportError: the parameters do not fit the network.
    """
    check_parameters(network, parameters)
    rounded = rounded or {}
    network = ready_for_int8(network)
    scales = choose_scales(network, ranges, scaling)
    constants = _constants(network, scales)
    places = {network.entrance.name: entrance}
    for layer in network.layers[1:]:
        scale, zero_point = scales[layer.name].scale, scales[layer.name].zero_point
        if layer.name in constants:
            zero_point = SMALLEST
        output = places[layer.name] = file.tensor(layer.name, (1, *layer.shape), np.int8, scale, zero_point)
        inputs = [places[name] for name in layer.inputs]
        if isinstance(layer, (Convolution, Depthwise)):
            source = network[layer.inputs[0]]
            remainder = scaling.remainder if isinstance(source, Entrance) else 0.0
            values = parameters[layer.name]
            values = Parameters(values.kernel, values.bias + np.float32(constants.get(layer.name, 0)))
            stored = _stored(
                layer,
                values,
                rounded.get(layer.name),
                scales[source.name].scale,
                ranges[source.name],
                source.shape,
                remainder,
            )
            inputs.append(file.constant(f"{layer.name}/kernel", stored.kernel, stored.scales, layer.filter_axis))
            inputs.append(file.constant(f"{layer.name}/bias", stored.bias, stored.bias_scales))
        if isinstance(layer, Rectification):
            steps = np.array([-_LARGEST_STORED], np.int8)
            unit = constants[layer.inputs[0]] / _LARGEST_STORED
            inputs.append(file.constant(f"{layer.name}/constant", steps, unit))
        write_layer(file, layer, inputs, output, _VERSIONS)
    return [places[name] for name in network.outputs]


def _constants(network: Network, scales: Mapping[str, Quantization]) -> dict[str, float]:
    """What is added to the numbers of pools and convolutions behind which there is a ``Rectification``, by layer.

    A layer's smallest stored number then stands for 0, while each of its numbers is stored as before.
    """
    constants = {}
    for layer in network.layers:
        if isinstance(layer, Rectification):
            pool = network[layer.inputs[0]]
            own = scales[pool.name]
            constants.update(dict.fromkeys((pool.name, *pool.inputs), own.scale * (own.zero_point - SMALLEST)))
    return constants


def _stored(
    layer: Convolution | Depthwise,
    values: Parameters,
    rounded: NDArray[np.float64] | None,
    input_scale: float,
    source: LayerRange,
    shape: tuple[int, ...],
    remainder: float,
) -> _Stored:
    """Rounds the kernel and the bias of a layer.

    Args:
        layer: the layer.
        values: its parameters.
        rounded: its kernel in steps of its scales; None to round each weight by itself.
        input_scale: of the layer that it reads.
        source: the range of the layer that it reads.
        shape: of the layer that it reads.
        remainder: added to all inputs, by way of the bias.
    """
    axis = layer.filter_axis
    scales = filter_scales(values, axis, input_scale)
    steps = along(scales, axis)
    if rounded is None:
        rounded = np.rint(values.kernel / steps)
    error = (rounded * steps - values.kernel).astype(np.float64)
    over = tuple(place for place in range(values.kernel.ndim) if place != axis)
    bias = values.bias + remainder * values.kernel.sum(over, dtype=np.float64)
    bias = bias - mean_error(error, source.means - remainder, layer, *shape[:2])
    unit = input_scale * scales.astype(np.float64)
    whole = np.clip(np.rint(bias / unit), -_LARGEST_BIAS, _LARGEST_BIAS).astype(np.int32)
    return _Stored(rounded.astype(np.int8), scales, whole, unit)
