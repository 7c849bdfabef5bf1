"""Writes the operators of layers into a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.networks.file_writer import FileWriter
from graft_host.networks.layers import (
    RELU,
    RELU6,
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    Layer,
    MaxPool,
    Mean,
    Pixels,
    QuarterMeans,
    Rectification,
    Requantization,
    Window,
)
from graft_host.networks.quarters import quarters

_CODES, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
_ACTIVATIONS = {RELU: schema.ActivationFunctionType.RELU, RELU6: schema.ActivationFunctionType.RELU6}


def write_layer(
    file: FileWriter, layer: Layer, inputs: Sequence[int], output: int, versions: Mapping[int, int]
) -> None:
    """Adds the operators of a layer.

    Args:
        file: to add to.
        layer: what to compute.
        inputs: the tensors that it reads, kernel and bias last.
        output: the tensor that it computes.
        versions: of operators, by their number in the schema; 1 for others.

    Raises:
        ExportError: no operator computes such a layer.
    """
    if isinstance(layer, Mean):
        file.mean(inputs[0], output, versions)
        return
    if isinstance(layer, QuarterMeans):
        _write_quarter_means(file, layer.name, inputs[0], output, versions)
        return
    for kind, written in _WRITERS.items():
        if isinstance(layer, kind):
            builtin, options_kind, options = written(layer)
            break
    else:
        raise ExportError(f"no operator computes a layer of kind {type(layer).__name__}")
    file.add(builtin, versions.get(builtin, 1), list(inputs), output, options_kind, options)


def _write_quarter_means(file: FileWriter, name: str, source: int, output: int, versions: Mapping[int, int]) -> None:
    """Adds a SLICE and a MEAN for each quarter, and a CONCATENATION of the means.

    In int8, MEAN may have another scale than the map, and tflite-runtime rounds it to the same bits on x86 and on Arm.
    AVERAGE_POOL_2D is as fast, but has the scale of the map, which is 1.6 to 4.3 times as coarse in Inception-v3.
    DEPTHWISE_CONV_2D rounds differently on Arm, and takes LiteRT 15 times as long.

    Args:
        file: to add to.
        name: of the layer.
        source: the tensor of the map.
        output: the tensor of the means, ``[1,4C]``.
        versions: of operators, by their number in the schema; 1 for others.
    """
    _, height, width, channels = file.shape(source)
    parts = quarters(height, width)
    extent = (1, parts[0].height, parts[0].width, channels)
    size = file.constant(f"{name}/size", np.array(extent, np.int32))
    means = []
    for place, part in enumerate(parts):
        start = file.constant(f"{name}/start_{place}", np.array([0, part.top, part.left, 0], np.int32))
        quarter = file.tensor_like(source, f"{name}/quarter_{place}", extent)
        version = versions.get(_CODES.SLICE, 1)
        file.add(_CODES.SLICE, version, [source, start, size], quarter, _OPTIONS.SliceOptions, schema.SliceOptionsT())
        means.append(file.tensor_like(output, f"{name}/mean_{place}", (1, channels)))
        file.mean(quarter, means[-1], versions)
    options = schema.ConcatenationOptionsT()
    options.axis, options.fusedActivationFunction = 1, schema.ActivationFunctionType.NONE
    version = versions.get(_CODES.CONCATENATION, 1)
    file.add(_CODES.CONCATENATION, version, means, output, _OPTIONS.ConcatenationOptions, options)


_Written = tuple[int, int, Any]
"""An operator's number in the schema, the kind of its options, and the options."""


def _moving(layer: Window, options: Any) -> Any:
    options.padding = schema.Padding.SAME if layer.padded else schema.Padding.VALID
    options.strideH = options.strideW = layer.stride
    options.fusedActivationFunction = _activation(layer.activation)
    return options


def _activation(name: str) -> int:
    return int(_ACTIVATIONS.get(name, schema.ActivationFunctionType.NONE))


def _convolution(layer: Any) -> _Written:
    options = _moving(layer, schema.Conv2DOptionsT())
    options.dilationHFactor = options.dilationWFactor = 1
    return _CODES.CONV_2D, _OPTIONS.Conv2DOptions, options


def _depthwise(layer: Any) -> _Written:
    options = _moving(layer, schema.DepthwiseConv2DOptionsT())
    options.dilationHFactor = options.dilationWFactor = options.depthMultiplier = 1
    return _CODES.DEPTHWISE_CONV_2D, _OPTIONS.DepthwiseConv2DOptions, options


def _pool(layer: Any) -> _Written:
    options = _moving(layer, schema.Pool2DOptionsT())
    options.filterHeight, options.filterWidth = layer.size
    builtin = _CODES.MAX_POOL_2D if isinstance(layer, MaxPool) else _CODES.AVERAGE_POOL_2D
    return builtin, _OPTIONS.Pool2DOptions, options


def _concatenation(_: Any) -> _Written:
    options = schema.ConcatenationOptionsT()
    options.axis, options.fusedActivationFunction = 3, schema.ActivationFunctionType.NONE
    return _CODES.CONCATENATION, _OPTIONS.ConcatenationOptions, options


def _addition(layer: Any) -> _Written:
    options = schema.AddOptionsT()
    options.fusedActivationFunction = _activation(layer.activation)
    return _CODES.ADD, _OPTIONS.AddOptions, options


def _quantize(_: Any) -> _Written:
    return _CODES.QUANTIZE, _OPTIONS.QuantizeOptions, schema.QuantizeOptionsT()


_WRITERS: dict[type[Layer], Callable[[Any], _Written]] = {
    Pixels: _quantize,
    Requantization: _quantize,
    Convolution: _convolution,
    Depthwise: _depthwise,
    MaxPool: _pool,
    AveragePool: _pool,
    Concatenation: _concatenation,
    Addition: _addition,
    Rectification: _addition,
}
