"""Appends tensors and operators to the only graph of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.networks.file_writer import INPUT_NAME, FileWriter, signature
from graft_host.support import flatbuffer

OUTPUT_NAME = "probabilities"
HEAD_WEIGHTS = b"head/weights"
HEAD_BIAS = b"head/bias"


class GraphEditor(FileWriter):
    """Appends a head to the only subgraph of a backbone."""

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
        super().__init__(model)
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

    def activation(self, name: str, length: int, dtype: Any, scale: float | None = None, zero_point: int = 0) -> int:
        """Adds a tensor ``[1, length]`` that an operator computes; returns its index."""
        return self.tensor(name, (1, length), dtype, scale, zero_point)

    def add_dequantize(self, source: int, name: str, length: int) -> int:
        """Converts an int8 tensor to float32 ``[1, length]``; returns the index of the result."""
        output = self.activation(name, length, np.float32)
        self.convert(source, output, schema.BuiltinOperator.DEQUANTIZE, 2)
        return output

    def add_fully_connected(self, inputs: list[int], output: int, version: int, *, relu6: bool = False) -> None:
        """Adds x·Wᵀ + b, clipped to 0…6 if ``relu6``; the inputs are x, W and b."""
        options = schema.FullyConnectedOptionsT()
        functions = schema.ActivationFunctionType
        options.fusedActivationFunction = functions.RELU6 if relu6 else functions.NONE
        kind = schema.BuiltinOptions.FullyConnectedOptions
        self.add(schema.BuiltinOperator.FULLY_CONNECTED, version, inputs, output, kind, options)

    def add_softmax(self, source: int, output: int, version: int) -> None:
        """Adds a softmax over the last axis."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        kind = schema.BuiltinOptions.SoftmaxOptions
        self.add(schema.BuiltinOperator.SOFTMAX, version, [source], output, kind, options)

    def set_output(self, index: int) -> None:
        """Makes a tensor the graph's only output."""
        self._graph.outputs = np.array([index], np.int32)

    def name_ends(self) -> None:
        """Names input and output, fixes the batch size at one, and drops the metadata of the backbone."""
        entrance = int(self._graph.inputs[0])
        self._graph.tensors[entrance].name = INPUT_NAME.encode()
        for tensor in self._graph.tensors:
            tensor.shapeSignature = None
        self._model.description = b"graftkit"
        self._model.metadata = None
        self._model.metadataBuffer = None
        self._model.signatureDefs = [signature({INPUT_NAME: entrance}, {OUTPUT_NAME: self.output})]


def _has_scale(tensor: Any) -> bool:
    """Whether a tensor has one scale, above 0, and a zero point."""
    scale, zero_point = (getattr(tensor.quantization, field, None) for field in ("scale", "zeroPoint"))
    return scale is not None and len(scale) == 1 and scale[0] > 0 and zero_point is not None and len(zero_point) == 1
