"""Writes each operator of a ``.tflite`` as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.export.onnx_graph.writer import IMAGE_RANK, Writer
from graft_host.export.stored_graph import Operator
from graft_host.networks.padding import padding

_ACTIVATIONS = schema.ActivationFunctionType
_SIX = 6.0
_AXES = {0: 0, 1: 2, 2: 3, 3: 1}
"""Where the axes ``[N,H,W,C]`` are in ``[N,C,H,W]``."""


def write_operator(graph: Writer, operator: Operator) -> None:
    """Adds the nodes of an operator.

    Raises:
        ExportError: the operator, or an option of it, is not known.
        ValueError, KeyError, IndexError, AttributeError: the operator does not fit its tensors.
    """
    if operator.name not in _WRITERS:
        raise ExportError(f"ONNX export does not know the operator {operator.name}", "export a file of 'graft train'")
    _WRITERS[operator.name](graph, operator)


def _name(graph: Writer, operator: Operator) -> str:
    return graph.source.tensors[operator.output].name


def _shape(graph: Writer, index: int) -> tuple[int, ...]:
    return graph.source.tensors[index].shape


def _activated(graph: Writer, operator: Operator, value: str, kind: int) -> str:
    """Adds the activation of an operator behind it."""
    if kind == _ACTIVATIONS.NONE:
        return value
    name = _name(graph, operator)
    if kind == _ACTIVATIONS.RELU:
        return graph.node("Relu", [value], f"{name}/relu")
    if kind == _ACTIVATIONS.RELU6:
        ends = [graph.scalar(f"{name}/lowest", 0.0), graph.scalar(f"{name}/highest", _SIX)]
        return graph.node("Clip", [value, *ends], f"{name}/relu6")
    raise ExportError(f"ONNX export does not know activation {kind} of {operator.name}")


def _window(graph: Writer, operator: Operator, size: Sequence[int], dilations: Sequence[int]) -> dict[str, Any]:
    """The attributes of a node that moves a window of a height and a width."""
    options = operator.options
    strides = [int(options.strideH), int(options.strideW)]
    ends = [(0, 0), (0, 0)]
    if options.padding == schema.Padding.SAME:
        image = _shape(graph, operator.inputs[0])[1:3]
        ends = [padding(*axis) for axis in zip(image, size, strides, dilations, strict=True)]
    pads = [before for before, _ in ends] + [after for _, after in ends]
    return {"kernel_shape": list(size), "strides": strides, "pads": pads}


def _convolution(graph: Writer, operator: Operator) -> None:
    image, kernel, *bias = operator.inputs
    options, shape = operator.options, _shape(graph, kernel)
    dilations = [int(options.dilationHFactor), int(options.dilationWFactor)]
    attributes = _window(graph, operator, shape[1:3], dilations)
    if operator.name == "DEPTHWISE_CONV_2D":
        axes, attributes["group"] = (3, 0, 1, 2), _shape(graph, image)[3]
    else:
        axes = (0, 3, 1, 2)
    inputs = [graph.value(image), graph.weights(kernel, axes), *_bias(graph, bias)]
    value = graph.node("Conv", inputs, _name(graph, operator), dilations=dilations, **attributes)
    graph.store(operator.output, _activated(graph, operator, value, options.fusedActivationFunction))


def _bias(graph: Writer, rest: Sequence[int]) -> list[str]:
    """The bias of a convolution or of a head, if it has one."""
    return [graph.weights(index) for index in rest if index >= 0]


def _pool(graph: Writer, operator: Operator) -> None:
    options = operator.options
    attributes = _window(graph, operator, [int(options.filterHeight), int(options.filterWidth)], [1, 1])
    kind = "MaxPool"
    if operator.name == "AVERAGE_POOL_2D":
        kind, attributes["count_include_pad"] = "AveragePool", 0
    value = graph.node(kind, [graph.value(operator.inputs[0])], _name(graph, operator), **attributes)
    graph.store(operator.output, _activated(graph, operator, value, options.fusedActivationFunction))


def _concatenation(graph: Writer, operator: Operator) -> None:
    rank = len(_shape(graph, operator.output))
    axis = int(operator.options.axis) % rank
    axis = _AXES[axis] if rank == IMAGE_RANK else axis
    value = graph.node("Concat", [graph.value(index) for index in operator.inputs], _name(graph, operator), axis=axis)
    graph.store(operator.output, _activated(graph, operator, value, operator.options.fusedActivationFunction))


def _operands(graph: Writer, operator: Operator) -> list[str]:
    """The inputs of an operator between numbers in the same place; a constant has as many axes as the output."""
    rank = len(_shape(graph, operator.output))
    return [graph.operand(index, rank) for index in operator.inputs]


def _of_two(kind: str) -> Callable[[Writer, Operator], None]:
    """The writer of an operator between numbers in the same place, with an activation."""

    def write(graph: Writer, operator: Operator) -> None:
        value = graph.node(kind, _operands(graph, operator), _name(graph, operator))
        graph.store(operator.output, _activated(graph, operator, value, operator.options.fusedActivationFunction))

    return write


def _slice(graph: Writer, operator: Operator) -> None:
    """A part of an image, such as a quarter of a map."""
    image, *ends = operator.inputs
    start, extent = (graph.source.tensors[index].stored for index in ends)
    if len(_shape(graph, image)) != IMAGE_RANK or start is None or extent is None:
        raise ExportError("ONNX export does not know a SLICE of anything but an image")
    name = _name(graph, operator)
    axes = np.array([_AXES[axis] for axis in range(IMAGE_RANK)], np.int64)
    limits = (start.astype(np.int64), start.astype(np.int64) + extent.astype(np.int64))
    inputs = [graph.number(f"{name}/{end}", values) for end, values in zip(("starts", "ends"), limits, strict=True)]
    value = graph.node("Slice", [graph.value(image), *inputs, graph.number(f"{name}/axes", axes)], name)
    graph.store(operator.output, value)


def _squared_difference(graph: Writer, operator: Operator) -> None:
    name = _name(graph, operator)
    difference = graph.node("Sub", _operands(graph, operator), f"{name}/difference")
    graph.store(operator.output, graph.node("Mul", [difference, difference], name))


def _mean(graph: Writer, operator: Operator) -> None:
    """The mean over all positions of an image: a bottleneck."""
    image, axes = operator.inputs
    positions = graph.source.tensors[axes].stored
    rank = len(_shape(graph, image))
    if rank != IMAGE_RANK or positions is None or sorted(int(axis) % rank for axis in positions.ravel()) != [1, 2]:
        raise ExportError("ONNX export does not know a MEAN over other axes than height and width")
    name = _name(graph, operator)
    value = graph.node("GlobalAveragePool", [graph.value(image)], f"{name}/pool")
    if not operator.options.keepDims:
        value = graph.node("Flatten", [value], name, axis=1)
    graph.store(operator.output, value)


def _fully_connected(graph: Writer, operator: Operator) -> None:
    source, kernel, *bias = operator.inputs
    if len(_shape(graph, source)) != 2:  # noqa: PLR2004  [1,D]
        raise ExportError("ONNX export does not know a FULLY_CONNECTED of anything but a bottleneck")
    inputs = [graph.value(source), graph.weights(kernel), *_bias(graph, bias)]
    value = graph.node("Gemm", inputs, _name(graph, operator), transB=1)
    graph.store(operator.output, _activated(graph, operator, value, operator.options.fusedActivationFunction))


def _softmax(graph: Writer, operator: Operator) -> None:
    value, beta = graph.value(operator.inputs[0]), float(operator.options.beta)
    name = _name(graph, operator)
    if not np.isclose(beta, 1):
        value = graph.node("Mul", [value, graph.scalar(f"{name}/beta", beta)], f"{name}/scaled")
    graph.store(operator.output, graph.node("Softmax", [value], name, axis=1))


def _plain(kind: str) -> Callable[[Writer, Operator], None]:
    """The writer of an operator that ONNX has as well."""

    def write(graph: Writer, operator: Operator) -> None:
        (source,) = operator.inputs
        graph.store(operator.output, graph.node(kind, [graph.value(source)], _name(graph, operator)))

    return write


def _relu6(graph: Writer, operator: Operator) -> None:
    (source,) = operator.inputs
    graph.store(operator.output, _activated(graph, operator, graph.value(source), _ACTIVATIONS.RELU6))


def _quantize(graph: Writer, operator: Operator) -> None:
    (source,) = operator.inputs
    graph.store(operator.output, graph.value(source))


def _dequantize(graph: Writer, operator: Operator) -> None:
    """Reads an activation as float32, or a kernel or a bias that is stored as float16."""
    (source,) = operator.inputs
    if graph.source.tensors[source].stored is not None:
        graph.stand_for(operator.output, source)
    else:
        graph.settle(operator.output, graph.value(source))


_WRITERS: dict[str, Callable[[Writer, Operator], None]] = {
    "ADD": _of_two("Add"),
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEQUANTIZE": _dequantize,
    "EXP": _plain("Exp"),
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MUL": _of_two("Mul"),
    "QUANTIZE": _quantize,
    "RELU": _plain("Relu"),
    "RELU6": _relu6,
    "SLICE": _slice,
    "SQRT": _plain("Sqrt"),
    "SOFTMAX": _softmax,
    "SQUARED_DIFFERENCE": _squared_difference,
}
