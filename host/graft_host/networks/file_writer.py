"""Writes a network's tensors and operators into a flatbuffer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_host.support import flatbuffer

INPUT_NAME = "image"

_CODES, _OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
_TYPES = {
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


class FileWriter:
    """A model with one graph, as it is written.

    Args:
        model: a ``schema.ModelT`` to add to; None for a new one.
    """

    def __init__(self, model: Any = None) -> None:
        self._model = _empty_model() if model is None else model
        self._graph = self._model.subgraphs[0]
        self._codes = {
            (flatbuffer.builtin(code), int(code.version)): place for place, code in enumerate(self._model.operatorCodes)
        }
        self._axes: int | None = None

    def tensor(self, name: str, shape: Sequence[int], dtype: Any, scale: Any = None, zero_point: int = 0) -> int:
        """Adds a tensor that an operator computes, and returns its index.

        Args:
            name: its name.
            shape: with the batch.
            dtype: of its elements.
            scale: of the quantization; several for a constant with a scale for each filter; None if not quantized.
            zero_point: of the quantization.
        """
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), np.array(shape, np.int32), 0
        tensor.type = _TYPES[np.dtype(dtype)]
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = np.full(scales.shape, zero_point, np.int64)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, values: NDArray[Any], scale: Any = None, axis: int = 0) -> int:
        """Adds a constant and returns its index; ``axis`` is that of several scales."""
        place = self.tensor(name, values.shape, values.dtype, scale)
        tensor, buffer = self._graph.tensors[place], schema.BufferT()
        if scale is not None:
            tensor.quantization.quantizedDimension = axis
        little_endian = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
        buffer.data = little_endian.reshape(-1).view(np.uint8)
        self._model.buffers.append(buffer)
        tensor.buffer = len(self._model.buffers) - 1
        return place

    def is_quantized(self, place: int) -> bool:
        """Whether a tensor has a scale."""
        return self._graph.tensors[place].quantization is not None

    def convert(self, source: int, output: int, builtin: int, version: int) -> None:
        """Adds an operator that changes how numbers are stored: ``QUANTIZE`` or ``DEQUANTIZE``."""
        if builtin == _CODES.QUANTIZE:
            kind, options = _OPTIONS.QuantizeOptions, schema.QuantizeOptionsT()
        else:
            kind, options = _OPTIONS.DequantizeOptions, schema.DequantizeOptionsT()
        self.add(builtin, version, [source], output, kind, options)

    def mean(self, source: int, output: int, versions: Mapping[int, int]) -> None:
        """Adds the mean over all positions of a map; ``versions`` are those of operators, by number, 1 for others."""
        if self._axes is None:
            self._axes = self.constant("axes", np.array([1, 2], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = False
        version = versions.get(_CODES.MEAN, 1)
        self.add(_CODES.MEAN, version, [source, self._axes], output, _OPTIONS.ReducerOptions, options)

    def shape(self, place: int) -> tuple[int, ...]:
        """The shape of a tensor, with the batch."""
        return tuple(int(side) for side in self._graph.tensors[place].shape)

    def tensor_like(self, place: int, name: str, shape: Sequence[int]) -> int:
        """Adds a tensor with the type and quantization of another one, and returns its index."""
        made = self.tensor(name, shape, np.float32)
        tensor, other = self._graph.tensors[made], self._graph.tensors[place]
        tensor.type, tensor.quantization = other.type, copy.deepcopy(other.quantization)
        return made

    def finish(self, entrance: int, outputs: Sequence[int]) -> bytes:
        """The flatbuffer.

        Args:
            entrance: the input tensor.
            outputs: the output tensors.
        """
        self._graph.inputs, self._graph.outputs = np.array([entrance], np.int32), np.array(outputs, np.int32)
        named = {f"output_{place}": output for place, output in enumerate(outputs)}
        self._model.signatureDefs = [signature({INPUT_NAME: entrance}, named)]
        return flatbuffer.pack(self._model)

    def add(self, builtin: int, version: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        """Adds an operator; ``kind`` and ``options`` are its table of options in the schema."""
        if (builtin, version) not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version, code.deprecatedBuiltinCode = builtin, version, min(builtin, 127)
            self._codes[builtin, version] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes[builtin, version]
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)


def _empty_model() -> Any:
    model, graph = schema.ModelT(), schema.SubGraphT()
    graph.tensors, graph.operators, graph.name = [], [], b"main"
    model.version, model.description = 3, b"graftkit"
    model.subgraphs, model.operatorCodes = [graph], []
    model.buffers = [schema.BufferT()]  # the first is empty: that of activations
    return model


def signature(inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Any:
    """The signature ``serving_default``, given the names and indices of its tensors."""
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = b"serving_default", 0
    made.inputs, made.outputs = ([_named(*end) for end in ends.items()] for ends in (inputs, outputs))
    return made


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), tensor
    return entry
