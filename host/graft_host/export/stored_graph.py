"""Reads the only graph of a ``.tflite``: its tensors, constants and operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.support import flatbuffer

_TYPES = {
    schema.TensorType.UINT8: "|u1",
    schema.TensorType.INT8: "|i1",
    schema.TensorType.INT32: "<i4",
    schema.TensorType.FLOAT16: "<f2",
    schema.TensorType.FLOAT32: "<f4",
}


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """What stored integers represent: real = scale · (stored - zero point).

    Attributes:
        scale: float32 ``[1]``, or one for each filter.
        zero_point: int64, as many.
        axis: of several scales.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int

    def real(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The float32 numbers that integers represent."""
        shape = [1] * stored.ndim
        if len(self.scale) > 1:
            shape[self.axis] = -1
        scale, zero_point = (values.astype(np.float64).reshape(shape) for values in (self.scale, self.zero_point))
        return np.asarray(((stored - zero_point) * scale).reshape(stored.shape), np.float32)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor of the graph.

    Attributes:
        name: as in the file.
        shape: with the batch.
        dtype: of what is stored.
        quantization: None if the numbers are stored as they are.
        stored: of a constant; None of a tensor that is computed.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None
    stored: NDArray[Any] | None

    @property
    def real(self) -> NDArray[np.float32]:
        """The numbers of a constant, float32.

        Raises:
            ValueError: the tensor is computed.
        """
        if self.stored is None:
            raise ValueError(f"{self.name} is not a constant")
        return self.stored.astype(np.float32) if self.quantization is None else self.quantization.real(self.stored)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator of the graph.

    Attributes:
        name: as in the schema, such as ``CONV_2D``.
        options: its table of options in the schema; None if it has none.
        inputs: indices of the tensors that it reads, -1 for one that is left out.
        output: index of the tensor that it computes.
    """

    name: str
    options: Any
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, kw_only=True)
class SourceGraph:
    """The graph.

    Attributes:
        tensors: by index.
        operators: in the order of computation.
        input: index of the image.
        output: index of the probabilities.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    input: int
    output: int


def read_graph(data: bytes, name: str) -> SourceGraph:
    """Reads the graph of a file.

    Args:
        data: the file's bytes.
        name: the name of the file in errors.

    Raises:
        ExportError: the bytes are not a model with one graph, one input and one output, or are damaged.
    """
    model = flatbuffer.unpack(data, name)
    graph = model.subgraphs[0]
    if (len(model.subgraphs), len(graph.inputs), len(graph.outputs)) != (1, 1, 1):
        raise ExportError(f"{name} does not have one graph with one input and one output")
    try:
        return SourceGraph(
            tensors=tuple(read_tensor(tensor, model.buffers) for tensor in graph.tensors),
            operators=tuple(_operator(operator, model.operatorCodes) for operator in graph.operators),
            input=int(graph.inputs[0]),
            output=int(graph.outputs[0]),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ExportError(f"{name} has a tensor that cannot be read", "copy it again") from error


def read_tensor(tensor: Any, buffers: Any) -> Tensor:
    """Reads a tensor of the schema.

    Args:
        tensor: a ``schema.TensorT``.
        buffers: of its model.

    Raises:
        ValueError, KeyError, IndexError, TypeError, AttributeError: it is damaged.
    """
    dtype, shape = np.dtype(_TYPES[tensor.type]), tuple(flatbuffer.shape(tensor))
    data = buffers[tensor.buffer].data
    stored = None
    if data is not None and len(data):
        stored = np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype).reshape(shape)
    return Tensor(
        name=bytes(tensor.name or b"").decode("utf-8", "replace"),
        shape=shape,
        dtype=dtype,
        quantization=_quantization(tensor.quantization),
        stored=stored,
    )


def _quantization(found: Any) -> Quantization | None:
    if found is None or found.scale is None or not len(found.scale):
        return None
    scale = np.asarray(found.scale, np.float32)
    zero_point = np.zeros(len(scale)) if found.zeroPoint is None else found.zeroPoint
    return Quantization(
        scale=scale,
        zero_point=np.broadcast_to(np.asarray(zero_point, np.int64), scale.shape),
        axis=int(found.quantizedDimension),
    )


def _operator(operator: Any, codes: Any) -> Operator:
    (output,) = operator.outputs
    return Operator(
        name=flatbuffer.operator_name(codes[operator.opcodeIndex]),
        options=operator.builtinOptions,
        inputs=tuple(int(index) for index in operator.inputs),
        output=int(output),
    )
