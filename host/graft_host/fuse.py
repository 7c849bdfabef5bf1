"""Backbone and head become one network, by editing the backbone's flatbuffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host import flatbuffer
from graft_host.head import Array, Head
from graft_host.head_quantization import quantize_head
from graft_host.operators import check_versions

INPUT_NAME = b"image"
OUTPUT_NAME = b"probabilities"
_SOFTMAX_SCALE = 1 / 256  # what TFLite's int8 SOFTMAX demands of its output, with zero point -128


@dataclass(frozen=True)
class _Quantization:
    scale: float
    zero_point: int


def fuse(backbone: bytes, head: Head, bottlenecks: Array, name: str = "the backbone") -> bytes:
    """Appends a head to a converted backbone; the backbone's own buffers stay as they are.

    Args:
        backbone: a flatbuffer whose only output is the bottleneck ``[1,D]``, int8 or float32.
        head: for bottlenecks of D numbers.
        bottlenecks: ``[N,D]`` that the int8 ranges are chosen on.
        name: what errors call the backbone.

    Returns:
        A flatbuffer from the backbone's input to probabilities ``[1,K]``: uint8 for an int8 backbone, else float32.

    Raises:
        ExportError: the backbone doesn't fit, or an operator is too new for tflite-runtime 2.14.0.
    """
    model = flatbuffer.unpack(backbone, name)
    graph = _Graph(model, name)
    graph.check_bottleneck(len(head.kernel))
    if graph.bottleneck.type == schema.TensorType.INT8:
        _append_int8(graph, head, bottlenecks)
    else:
        _append_float(graph, head)
    graph.finish()
    check_versions(model)
    return flatbuffer.pack(model)


def _append_int8(graph: _Graph, head: Head, bottlenecks: Array) -> None:
    source = graph.bottleneck.quantization
    input_scale = float(source.scale[0])
    quantized = quantize_head(head, bottlenecks, input_scale)
    classes = len(quantized.bias)
    kind = schema.TensorType
    scale = quantized.weight_scale
    weights = graph.add_tensor(b"head/weights", quantized.weights, kind.INT8, _Quantization(scale, 0))
    bias = graph.add_tensor(b"head/bias", quantized.bias, kind.INT32, _Quantization(input_scale * scale, 0))
    logits = graph.add_activation(
        b"head/logits", classes, kind.INT8, _Quantization(quantized.output_scale, quantized.output_zero_point)
    )
    scores = graph.add_activation(b"head/softmax", classes, kind.INT8, _Quantization(_SOFTMAX_SCALE, -128))
    output = graph.add_activation(OUTPUT_NAME, classes, kind.UINT8, _Quantization(_SOFTMAX_SCALE, 0))
    graph.add_fully_connected([graph.output, weights, bias], logits, version=4)
    graph.add_softmax(logits, scores, version=2)
    graph.add_operator(
        schema.BuiltinOperator.QUANTIZE,
        1,
        [scores],
        output,
        schema.BuiltinOptions.QuantizeOptions,
        schema.QuantizeOptionsT(),
    )
    graph.set_output(output)


def _append_float(graph: _Graph, head: Head) -> None:
    classes, kind = len(head.bias), schema.TensorType.FLOAT32
    weights = graph.add_tensor(b"head/weights", np.ascontiguousarray(head.kernel.T), kind)
    bias = graph.add_tensor(b"head/bias", head.bias, kind)
    logits = graph.add_activation(b"head/logits", classes, kind)
    output = graph.add_activation(OUTPUT_NAME, classes, kind)
    graph.add_fully_connected([graph.output, weights, bias], logits, version=1)
    graph.add_softmax(logits, output, version=1)
    graph.set_output(output)


class _Graph:
    """The one subgraph of a backbone, with what is needed to append to it."""

    def __init__(self, model: Any, name: str) -> None:
        if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1 or len(model.subgraphs[0].outputs) != 1:
            raise ExportError(f"{name} is not a backbone: it must have one graph with one input and one output")
        self._model = model
        self._graph = model.subgraphs[0]
        self._name = name

    @property
    def output(self) -> int:
        return int(self._graph.outputs[0])

    @property
    def bottleneck(self) -> Any:
        return self._graph.tensors[self.output]

    def check_bottleneck(self, length: int) -> None:
        shape = [int(n) for n in self.bottleneck.shape]
        if shape != [1, length]:
            raise ExportError(
                f"{self._name} gives {shape}, the head takes [1, {length}]: they belong to different runs"
            )
        if self.bottleneck.type not in {schema.TensorType.INT8, schema.TensorType.FLOAT32}:
            kind = flatbuffer.type_name(self.bottleneck)
            raise ExportError(f"{self._name} gives {kind} bottlenecks; int8 and float32 can be fused")

    def add_tensor(
        self, name: bytes, values: NDArray[Any], kind: int, quantization: _Quantization | None = None
    ) -> int:
        """Adds a constant; returns its index."""
        buffer = schema.BufferT()
        little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
        buffer.data = np.frombuffer(little_endian.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._append(name, list(values.shape), kind, len(self._model.buffers) - 1, quantization)

    def add_activation(self, name: bytes, classes: int, kind: int, quantization: _Quantization | None = None) -> int:
        """Adds a tensor ``[1, classes]`` that an operator computes; returns its index."""
        return self._append(name, [1, classes], kind, 0, quantization)

    def add_fully_connected(self, inputs: list[int], output: int, version: int) -> None:
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.NONE
        kind = schema.BuiltinOptions.FullyConnectedOptions
        self.add_operator(schema.BuiltinOperator.FULLY_CONNECTED, version, inputs, output, kind, options)

    def add_softmax(self, source: int, output: int, version: int) -> None:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        kind = schema.BuiltinOptions.SoftmaxOptions
        self.add_operator(schema.BuiltinOperator.SOFTMAX, version, [source], output, kind, options)

    def add_operator(self, builtin: int, version: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(builtin, version)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        operator.builtinOptionsType = kind
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def set_output(self, index: int) -> None:
        self._graph.outputs = np.array([index], np.int32)

    def finish(self) -> None:
        """Names the ends, fixes the batch at one, and drops what spoke of the backbone alone."""
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

    def _append(self, name: bytes, shape: list[int], kind: int, buffer: int, quantization: _Quantization | None) -> int:
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


def _named(name: bytes, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
