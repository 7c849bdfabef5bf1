"""Appends tensors and operators to the only graph of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.support import flatbuffer

INPUT_NAME = b"image"
OUTPUT_NAME = b"probabilities"
HEAD_WEIGHTS = b"head/weights"
HEAD_BIAS = b"head/bias"


@dataclass(frozen=True)
class Quantization:
    """The quantization of a tensor: real = scale · (stored - zero point)."""

    scale: float
    zero_point: int


class GraphEditor:
    """Edits the only subgraph of a backbone."""

    def __init__(self, model: Any, name: str) -> None:
        """Checks that the model is a backbone.

        Args:
            model: a ``schema.ModelT``, which is changed in place.
            name: the model's name in error messages.

        Raises:
            ExportError: the model is not a backbone.
        """
        if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1 or len(model.subgraphs[0].outputs) != 1:
            raise ExportError(f"{name} is not a backbone: it does not have one graph with one input and one output")
        self._model = model
        self._graph = model.subgraphs[0]
        self._name = name
        self.bottleneck = self._graph.tensors[self.output]

    @property
    def output(self) -> int:
        """The index of the graph's output tensor."""
        return int(self._graph.outputs[0])

    def check_bottleneck(self, length: int) -> None:
        """Raises ExportError unless the output is a bottleneck ``[1, length]``, int8 or float32."""
        shape = flatbuffer.shape(self.bottleneck)
        if shape != [1, length]:
            raise ExportError(
                f"{self._name} gives {shape}, but the head takes [1, {length}]",
                "use a head that was trained on this backbone",
            )
        if self.bottleneck.type not in {schema.TensorType.INT8, schema.TensorType.FLOAT32}:
            kind = flatbuffer.type_name(self.bottleneck)
            raise ExportError(f"{self._name} gives {kind} bottlenecks, but only int8 and float32 can be fused")
        if self.bottleneck.type == schema.TensorType.INT8 and not _has_scale(self.bottleneck):
            raise ExportError(f"{self._name} is damaged: its bottlenecks have no scale", "convert it again")

    def add_tensor(self, name: bytes, values: NDArray[Any], kind: int, quantization: Quantization | None = None) -> int:
        """Adds a constant; returns its index."""
        buffer = schema.BufferT()
        little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
        buffer.data = np.frombuffer(little_endian.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._append(name, list(values.shape), kind, len(self._model.buffers) - 1, quantization)

    def add_activation(self, name: bytes, length: int, kind: int, quantization: Quantization | None = None) -> int:
        """Adds a tensor ``[1, length]`` that an operator computes; returns its index."""
        return self._append(name, [1, length], kind, 0, quantization)

    def add_dequantize(self, source: int, name: bytes, length: int) -> int:
        """Converts an int8 tensor to float32 ``[1, length]``; returns the index of the result."""
        output = self.add_activation(name, length, schema.TensorType.FLOAT32)
        kind = schema.BuiltinOptions.DequantizeOptions
        self.add_operator(schema.BuiltinOperator.DEQUANTIZE, 2, [source], output, kind, schema.DequantizeOptionsT())
        return output

    def add_fully_connected(self, inputs: list[int], output: int, version: int, *, relu6: bool = False) -> None:
        """Adds x·Wᵀ + b, clipped to 0…6 if ``relu6``; the inputs are x, W and b."""
        options = schema.FullyConnectedOptionsT()
        functions = schema.ActivationFunctionType
        options.fusedActivationFunction = functions.RELU6 if relu6 else functions.NONE
        kind = schema.BuiltinOptions.FullyConnectedOptions
        self.add_operator(schema.BuiltinOperator.FULLY_CONNECTED, version, inputs, output, kind, options)

    def add_softmax(self, source: int, output: int, version: int) -> None:
        """Adds a softmax over the last axis."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        kind = schema.BuiltinOptions.SoftmaxOptions
        self.add_operator(schema.BuiltinOperator.SOFTMAX, version, [source], output, kind, options)

    def add_operator(self, builtin: int, version: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        """Adds a built-in operator; ``kind`` and ``options`` are its table of options in the schema."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(builtin, version)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        operator.builtinOptionsType = kind
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def set_output(self, index: int) -> None:
        """Makes a tensor the graph's only output."""
        self._graph.outputs = np.array([index], np.int32)

    def finish(self) -> None:
        """Names input and output, fixes the batch size at one, and drops the metadata of the backbone."""
        self._graph.tensors[int(self._graph.inputs[0])].name = INPUT_NAME
        for tensor in self._graph.tensors:
            tensor.shapeSignature = None
        self._model.description = b"graftkit"
        self._model.metadata = None
        self._model.metadataBuffer = None
        self._model.signatureDefs = [self._signature()]

    def _signature(self) -> Any:
        signature = schema.SignatureDefT()
        signature.signatureKey = b"serving_default"
        signature.subgraphIndex = 0
        signature.inputs = [_named(INPUT_NAME, int(self._graph.inputs[0]))]
        signature.outputs = [_named(OUTPUT_NAME, self.output)]
        return signature

    def _append(self, name: bytes, shape: list[int], kind: int, buffer: int, quantization: Quantization | None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(shape, np.int32), kind, buffer
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([quantization.scale], np.float32)
            tensor.quantization.zeroPoint = np.array([quantization.zero_point], np.int64)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _code(self, builtin: int, version: int) -> int:
        for index, code in enumerate(self._model.operatorCodes):
            if flatbuffer.builtin(code) == builtin and code.version == version:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = builtin, version
        code.deprecatedBuiltinCode = min(builtin, 127)
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def _has_scale(tensor: Any) -> bool:
    """Whether a tensor has one scale, above 0, and a zero point."""
    scale, zero_point = (getattr(tensor.quantization, field, None) for field in ("scale", "zeroPoint"))
    return scale is not None and len(scale) == 1 and scale[0] > 0 and zero_point is not None and len(zero_point) == 1


def _named(name: bytes, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
