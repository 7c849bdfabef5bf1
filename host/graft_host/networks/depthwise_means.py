"""Rewrites the average pools of an int8 file as depthwise convolutions, which LiteRT runs faster, to the same bits.

LiteRT runs int8 networks with XNNPACK, which has no int8 average pool. TFLite's own kernel runs on one thread and cuts
the network into parts. tflite-runtime runs pools faster than depthwise convolutions, so a board's file keeps its pools.

A pool counts only what is inside the border: nine numbers in the middle, six along an edge, four in a corner. So there
are convolutions of three sizes of window, and a stride from each edge to the opposite one computes both at once.

Both kernels round a mean to the nearest stored number, and differ only halfway between two of them: the pool rounds
away from zero, XNNPACK to the even one. Nine numbers never have such a mean. For six and four, weights of 16 and a bias
of 1 raise each mean by less than its distance from the next halfway point, so that halves are rounded up. Those of
negative numbers the pool rounds down, but the ReLU behind it makes all stored numbers up to 0 the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_host.networks.file_writer import FileWriter
from graft_host.support import flatbuffer

_CODES, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
_WINDOW = 3
_AXES = 4
_ALMOST = 1 - 1e-6  # for constants in float32
_TIE_WEIGHT, _TIE_BIAS = 16, 1


def with_depthwise_means(data: bytes, name: str) -> bytes | None:
    """The file with depthwise convolutions in place of its average pools over 3 x 3; None if it has none to replace.

    A pool stays if there is no such ReLU behind it, because its bits could change.

    Args:
        data: the file.
        name: the name of the file in errors.

    Raises:
        ExportError: the file is damaged.
    """
    model = flatbuffer.unpack(data, name)
    graph = model.subgraphs[0]
    thresholds = _thresholds(model)
    pools = [_pool(model, operator, thresholds) for operator in graph.operators]
    if not any(pools):
        return None
    operators, graph.operators = graph.operators, []
    file = FileWriter(model)
    for operator, pool in zip(operators, pools, strict=True):
        if pool is None:
            graph.operators.append(operator)
        else:
            _Means(file, pool).write()
    return flatbuffer.pack(model)


@dataclass(frozen=True, kw_only=True)
class _Pool:
    """An average pool over 3 x 3. Its input and its output have the same shape, scale and zero point."""

    name: str
    source: int
    output: int
    shape: tuple[int, int, int]
    scale: float
    zero_point: int


def _thresholds(model: Any) -> dict[int, float]:
    """The number up to which adding a constant and ReLU give 0, for each tensor that nothing else reads."""
    graph = model.subgraphs[0]
    readers = Counter(int(index) for operator in graph.operators for index in operator.inputs)
    readers.update(int(index) for index in graph.outputs)
    thresholds = {}
    for operator in graph.operators:
        if flatbuffer.builtin(model.operatorCodes[operator.opcodeIndex]) != _CODES.ADD:
            continue
        source, other = (int(index) for index in operator.inputs)
        rectified = operator.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.RELU
        stored = model.buffers[graph.tensors[other].buffer].data
        scale, zero_point = _quantization(graph.tensors[other])
        if rectified and stored is not None and len(stored) == 1 and readers[source] == 1:
            thresholds[source] = -scale * (int(np.int8(np.uint8(stored[0]))) - zero_point)
    return thresholds


def _pool(model: Any, operator: Any, thresholds: Mapping[int, float]) -> _Pool | None:
    """The pool that an operator is; None if it is something else, or a convolution could give other bits."""
    if flatbuffer.builtin(model.operatorCodes[operator.opcodeIndex]) != _CODES.AVERAGE_POOL_2D:
        return None
    options, tensors = operator.builtinOptions, model.subgraphs[0].tensors
    window = (options.filterHeight, options.filterWidth, options.strideH, options.strideW)
    if window != (_WINDOW, _WINDOW, 1, 1) or options.padding != schema.Padding.SAME:
        return None
    source, output = int(operator.inputs[0]), int(operator.outputs[0])
    scale, zero_point = _quantization(tensors[source])
    shape = flatbuffer.shape(tensors[source])
    linear = options.fusedActivationFunction == schema.ActivationFunctionType.NONE
    if not linear or scale == 0 or thresholds.get(output, -np.inf) < -zero_point * scale * _ALMOST:
        return None
    if _quantization(tensors[output]) != (scale, zero_point) or len(shape) != _AXES or min(shape[1:3]) < _WINDOW:
        return None
    name = bytes(tensors[output].name or b"").decode("utf-8", "replace")
    height, width, channels = shape[1:]
    return _Pool(
        name=name, source=source, output=output, shape=(height, width, channels), scale=scale, zero_point=zero_point
    )


def _quantization(tensor: Any) -> tuple[float, int]:
    """Scale and zero point of an int8 tensor; a scale of 0 for another."""
    quantization = tensor.quantization
    if tensor.type != schema.TensorType.INT8 or quantization is None or quantization.scale is None:
        return 0.0, 0
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


class _Means:
    """Writes the operators that compute what a pool computes."""

    def __init__(self, file: FileWriter, pool: _Pool) -> None:
        self._file, self._pool = file, pool

    def write(self) -> None:
        """Adds the operators."""
        height, width, _ = self._pool.shape
        down, across = height - 2, width - 2  # from an edge to the opposite one, and between the edges
        middle = self._convolved((3, 3), (1, 1), (down, across))
        sides = self._convolved((3, 2), (1, across), (down, 2))
        ends = self._convolved((2, 3), (down, 1), (2, across))
        corners = self._convolved((2, 2), (down, across), (2, 2))
        rows = self._activation("rows", (down, width))
        self._join(sides, (down, 1), middle, 2, rows)
        borders = self._activation("borders", (2, width))
        self._join(corners, (2, 1), ends, 2, borders)
        self._join(borders, (1, width), rows, 1, self._pool.output)

    def _convolved(self, window: tuple[int, int], strides: tuple[int, int], size: tuple[int, int]) -> int:
        """Adds the means of windows that are inside the border; returns a tensor with this height and width."""
        count = window[0] * window[1]
        weight, bias = (1, 0) if count == _WINDOW**2 else (_TIE_WEIGHT, _TIE_BIAS)
        channels = self._pool.shape[2]
        scales = np.full(channels, 1 / (count * weight), np.float32)
        name = f"{window[0]}x{window[1]}"
        kernel = self._file.constant(
            f"{self._pool.name}/{name}/kernel", np.full((1, *window, channels), weight, np.int8), scales, 3
        )
        biases = self._file.constant(
            f"{self._pool.name}/{name}/bias",
            np.full(channels, bias, np.int32),
            self._pool.scale * scales.astype(np.float64),
        )
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.fusedActivationFunction = schema.Padding.VALID, schema.ActivationFunctionType.NONE
        options.strideH, options.strideW = strides
        options.depthMultiplier = options.dilationHFactor = options.dilationWFactor = 1
        output = self._activation(name, size)
        kind = _OPTIONS.DepthwiseConv2DOptions
        self._file.add(_CODES.DEPTHWISE_CONV_2D, 3, [self._pool.source, kernel, biases], output, kind, options)
        return output

    def _join(self, pair: int, size: tuple[int, int], middle: int, axis: int, output: int) -> None:
        """Puts the halves of a tensor before and after another one.

        Args:
            pair: the tensor with two halves along the axis.
            size: height and width of a half.
            middle: the tensor that comes between them.
            axis: 1 for rows, 2 for columns.
            output: the tensor that they become.
        """
        before, after = (self._half(pair, size, axis, place) for place in (0, 1))
        options = schema.ConcatenationOptionsT()
        options.axis, options.fusedActivationFunction = axis, schema.ActivationFunctionType.NONE
        kind = _OPTIONS.ConcatenationOptions
        self._file.add(_CODES.CONCATENATION, 2, [before, middle, after], output, kind, options)

    def _half(self, pair: int, size: tuple[int, int], axis: int, place: int) -> int:
        start = np.zeros(_AXES, np.int32)
        start[axis] = place
        extent = np.array([1, *size, self._pool.shape[2]], np.int32)
        output = self._activation("half", size)
        inputs = [pair, *(self._file.constant(f"{self._pool.name}/half", values) for values in (start, extent))]
        self._file.add(_CODES.SLICE, 2, inputs, output, _OPTIONS.SliceOptions, schema.SliceOptionsT())
        return output

    def _activation(self, name: str, size: tuple[int, int]) -> int:
        shape = (1, *size, self._pool.shape[2])
        return self._file.tensor(f"{self._pool.name}/{name}", shape, np.int8, self._pool.scale, self._pool.zero_point)
