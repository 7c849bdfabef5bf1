"""Reads and changes single tensors of a ``.tflite`` flatbuffer, with ``struct`` alone.

Scales and shapes are changed in place. A constant that no longer fits is appended, and its offset points to the new
place. All else stays as it is, so the numbers of the backbone are the same, byte for byte. The slots are those of
TensorFlow Lite's ``schema.fbs``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ModelError

_MODEL_GRAPHS, _MODEL_BUFFERS = 2, 4
_GRAPH_TENSORS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 2, 3
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME, _TENSOR_QUANTIZATION = 0, 1, 2, 3, 4
_QUANTIZATION_SCALE, _QUANTIZATION_ZERO = 2, 3
_OPERATOR_INPUTS, _BUFFER_DATA = 1, 0
_ALIGNMENT = 16
_LONGEST_NAME = 1000

_TYPES: dict[int, Any] = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 9: np.dtype("i1")}
"""The values of ``TensorType`` that a head has."""

_DAMAGED = (struct.error, ValueError, KeyError, IndexError, OverflowError)


@contextmanager
def editing(path: Path) -> Iterator[None]:
    """Turns what a damaged flatbuffer causes in the block into a ModelError about a file."""
    try:
        yield
    except _DAMAGED as error:
        raise ModelError(
            f"{path} has a network whose head cannot be changed", "train the model again with 'graft train'"
        ) from error


class FlatNetwork:
    """A flatbuffer with one graph. Its methods raise what ``editing`` catches if it is damaged."""

    def __init__(self, data: bytes) -> None:
        """Finds the tensors; ``data`` is the flatbuffer."""
        self._bytes = bytearray(data)
        self._model = self._number("<I", 0)
        self._graph = self._elements(self._reference(self._model, _MODEL_GRAPHS))[0]
        self._tensors = self._elements(self._reference(self._graph, _GRAPH_TENSORS))
        self._buffers = self._elements(self._reference(self._model, _MODEL_BUFFERS))
        self._places = {self._text(tensor): place for place, tensor in enumerate(self._tensors)}

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    def shape(self, name: str) -> tuple[int, ...]:
        """The size of each dimension of a tensor."""
        return self._shape(self._places[name])

    def constant(self, name: str) -> NDArray[Any]:
        """The stored numbers of a constant, in its shape."""
        vector = self._reference(self._buffer(name), _BUFFER_DATA)
        data = self._range(vector + 4, self._number("<I", vector))
        return np.frombuffer(data, self._dtype(self._places[name])).reshape(self.shape(name))

    def quantization(self, name: str) -> tuple[float, int]:
        """Scale and zero point of a tensor."""
        scale, zero = self._quantization(name)
        return self._number("<f", scale), self._number("<q", zero)

    def is_float(self, name: str) -> bool:
        """Whether the numbers of a tensor are float32."""
        return bool(self._dtype(self._places[name]) == np.float32)

    def reader_input(self, weights: str) -> int:
        """The tensor that the operator reads first which reads some weights second."""
        wanted = self._places[weights]
        for operator in self._elements(self._reference(self._graph, _GRAPH_OPERATORS)):
            inputs = self._integers(self._reference(operator, _OPERATOR_INPUTS))
            if len(inputs) > 1 and inputs[1] == wanted and 0 <= inputs[0] < len(self._tensors):
                return inputs[0]
        raise ValueError("nothing reads the weights")

    def shape_at(self, place: int) -> tuple[int, ...]:
        """The size of each dimension of the tensor at a place."""
        return self._shape(place)

    def with_output(self, place: int) -> bytes:
        """The same network with another tensor as its output: four bytes differ."""
        changed, vector = bytearray(self._bytes), self._reference(self._graph, _GRAPH_OUTPUTS)
        if self._number("<I", vector) != 1:
            raise ValueError("several outputs")
        struct.pack_into("<i", changed, vector + 4, place)
        return bytes(changed)

    def set_size(self, name: str, axis: int, size: int) -> None:
        """Changes one dimension of a tensor."""
        vector = self._reference(self._tensor(name), _TENSOR_SHAPE)
        if not 0 <= axis < self._number("<I", vector):
            raise ValueError("no such axis")
        struct.pack_into("<i", self._bytes, vector + 4 + 4 * axis, size)

    def set_quantization(self, name: str, scale: float, zero_point: int) -> None:
        """Changes scale and zero point of a tensor that has one of each."""
        at_scale, at_zero = self._quantization(name)
        struct.pack_into("<f", self._bytes, at_scale, scale)
        struct.pack_into("<q", self._bytes, at_zero, zero_point)

    def set_constant(self, name: str, values: NDArray[Any]) -> None:
        """Stores numbers of the constant's type: in place if their number is the same, else behind the flatbuffer."""
        raw = np.ascontiguousarray(values, self._dtype(self._places[name])).tobytes()
        slot = self._field(self._buffer(name), _BUFFER_DATA)
        if slot is None:
            raise ValueError("no constant")
        vector = slot + self._number("<I", slot)
        if self._number("<I", vector) == len(raw):
            self._range(vector + 4, len(raw))
            self._bytes[vector + 4 : vector + 4 + len(raw)] = raw
            return
        self._bytes += bytes(-(len(self._bytes) + 4) % _ALIGNMENT)
        place = len(self._bytes)
        self._bytes += struct.pack("<I", len(raw)) + raw
        self._bytes += bytes(-len(self._bytes) % _ALIGNMENT)
        struct.pack_into("<I", self._bytes, slot, place - slot)

    def _tensor(self, name: str) -> int:
        return self._tensors[self._places[name]]

    def _shape(self, place: int) -> tuple[int, ...]:
        return tuple(self._integers(self._reference(self._tensors[place], _TENSOR_SHAPE)))

    def _dtype(self, place: int) -> Any:
        field = self._field(self._tensors[place], _TENSOR_TYPE)
        return _TYPES[0 if field is None else self._number("<b", field)]

    def _buffer(self, name: str) -> int:
        field = self._field(self._tensor(name), _TENSOR_BUFFER)
        return self._buffers[0 if field is None else self._number("<I", field)]

    def _quantization(self, name: str) -> tuple[int, int]:
        """The places of the only scale and the only zero point of a tensor."""
        table = self._reference(self._tensor(name), _TENSOR_QUANTIZATION)
        scales, zeros = self._reference(table, _QUANTIZATION_SCALE), self._reference(table, _QUANTIZATION_ZERO)
        if self._number("<I", scales) != 1 or self._number("<I", zeros) != 1:
            raise ValueError("several scales")
        return scales + 4, zeros + 4

    def _text(self, tensor: int) -> str:
        vector = self._reference(tensor, _TENSOR_NAME)
        size = self._number("<I", vector)
        return self._range(vector + 4, min(size, _LONGEST_NAME)).decode("utf-8", "replace")

    def _field(self, table: int, slot: int) -> int | None:
        """The place of a field; None where the table does not have it."""
        entries = table - self._number("<i", table)
        offset = 4 + 2 * slot
        inside = self._number("<H", entries + offset) if offset < self._number("<H", entries) else 0
        return table + inside if inside else None

    def _reference(self, table: int, slot: int) -> int:
        field = self._field(table, slot)
        if field is None:
            raise ValueError("a field is missing")
        return field + int(self._number("<I", field))

    def _elements(self, vector: int) -> list[int]:
        count = self._number("<I", vector)
        self._range(vector + 4, 4 * count)
        starts = range(vector + 4, vector + 4 + 4 * count, 4)
        return [start + self._number("<I", start) for start in starts]

    def _integers(self, vector: int) -> list[int]:
        count = self._number("<I", vector)
        return list(struct.unpack(f"<{count}i", self._range(vector + 4, 4 * count)))

    def _number(self, form: str, place: int) -> Any:
        if place < 0:  # struct would count from the end
            raise ValueError("a place before the start")
        return struct.unpack_from(form, self._bytes, place)[0]

    def _range(self, start: int, size: int) -> bytes:
        if start < 0 or start + size > len(self._bytes):
            raise ValueError("a place behind the end")
        return bytes(self._bytes[start : start + size])
