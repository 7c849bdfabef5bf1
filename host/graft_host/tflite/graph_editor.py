"""Appends tensors and operators to the only graph of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.networks.file_writer import INPUT_NAME, FileWriter, signature
from graft_host.support import flatbuffer

OUTPUT_NAME = "probabilities"
HEAD_WEIGHTS = b"head/weights"
HEAD_BIAS = b"head/bias"
JOINED = b"head/bottleneck"
"""The bottlenecks of several taps, side by side."""


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
        if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1 or not len(model.subgraphs[0].outputs):
            raise ExportError(f"{name} is not a backbone: it does not have one graph with one input and an output")
        super().__init__(model)
        self._name = name
        self.bottlenecks = tuple(self._graph.tensors[output] for output in self.outputs)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The indices of the graph's output tensors."""
        return tuple(int(output) for output in self._graph.outputs)

    @property
    def quantized(self) -> bool:
        """Whether the bottlenecks are int8."""
        return bool(self.bottlenecks[0].type == schema.TensorType.INT8)

    def check_bottlenecks(self, length: int) -> None:
        """Raises ExportError unless the outputs are bottlenecks ``[1,D]``, all int8 or all float32, of ``length``."""
        shapes = [flatbuffer.shape(bottleneck) for bottleneck in self.bottlenecks]
        if any(len(shape) != 2 or shape[0] != 1 for shape in shapes) or sum(n for _, n in shapes) != length:  # noqa: PLR2004
            raise ExportError(
                f"{self._name} gives {' and '.join(map(str, shapes))}, but the head takes [1, {length}]",
                "use a head that was trained on this backbone",
            )
        kinds = {bottleneck.type for bottleneck in self.bottlenecks}
        if kinds not in ({schema.TensorType.INT8}, {schema.TensorType.FLOAT32}):
            names = " and ".join(sorted({flatbuffer.type_name(bottleneck) for bottleneck in self.bottlenecks}))
            raise ExportError(f"{self._name} gives {names} bottlenecks, but only int8 and float32 can be fused")
        if self.quantized and not all(map(_has_scale, self.bottlenecks)):
            raise ExportError(f"{self._name} is damaged: its bottlenecks have no scale", "convert it again")

    def activation(self, name: str, length: int, dtype: Any, scale: float | None = None, zero_point: int = 0) -> int:
        """Adds a tensor ``[1, length]`` that an operator computes; returns its index."""
        return self.tensor(name, (1, length), dtype, scale, zero_point)

    def add_dequantize(self, source: int, name: str, length: int) -> int:
        """Converts an int8 tensor to float32 ``[1, length]``; returns the index of the result."""
        output = self.activation(name, length, np.float32)
        self.convert(source, output, schema.BuiltinOperator.DEQUANTIZE, 2)
        return output

    def add_join(self, sources: Sequence[int], name: str, length: int) -> int:
        """Puts float32 tensors ``[1,D]`` side by side; returns the index of the result, ``[1, length]``."""
        output = self.activation(name, length, np.float32)
        options = schema.ConcatenationOptionsT()
        options.axis = 1
        kind = schema.BuiltinOptions.ConcatenationOptions
        self.add(schema.BuiltinOperator.CONCATENATION, 1, list(sources), output, kind, options)
        return output

    def add_fully_connected(self, inputs: list[int], output: int, version: int, *, relu6: bool = False) -> None:
        """Adds x·Wᵀ + b, clipped to 0…6 if ``relu6``; the inputs are x, W and b."""
        options = schema.FullyConnectedOptionsT()
        functions = schema.ActivationFunctionType
        options.fusedActivationFunction = functions.RELU6 if relu6 else functions.NONE
        kind = schema.BuiltinOptions.FullyConnectedOptions
        self.add(schema.BuiltinOperator.FULLY_CONNECTED, version, inputs, output, kind, options)

    def add_sum(self, first: int, second: int, output: int) -> None:
        """Adds two float32 tensors, and clips the sum to 0…6."""
        options = schema.AddOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        self.add(schema.BuiltinOperator.ADD, 1, [first, second], output, schema.BuiltinOptions.AddOptions, options)

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
        self._model.signatureDefs = [signature({INPUT_NAME: entrance}, {OUTPUT_NAME: self.outputs[0]})]


def _has_scale(tensor: Any) -> bool:
    """Whether a tensor has one scale, above 0, and a zero point."""
    scale, zero_point = (getattr(tensor.quantization, field, None) for field in ("scale", "zeroPoint"))
    return scale is not None and len(scale) == 1 and scale[0] > 0 and zero_point is not None and len(zero_point) == 1
