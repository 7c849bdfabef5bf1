"""Unpacks a ``.tflite`` flatbuffer into objects that can be edited, and packs it again with aligned buffers."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError
from graft_host.support.flatbuffer_check import check_parts, check_size

_ALIGNMENT = 16  # as `force_align: 16` in TFLite's schema, which the generated Python code ignores
_IDENTIFIER = b"TFL3"

_TENSOR_TYPES: dict[int, str] = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}
_OPERATORS: dict[int, str] = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the generated code has no types
    """A buffer whose bytes start at a multiple of 16 in the file, as vector loads want them."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802  the generated code's name
        if self.data is None:
            return int(super().Pack(builder))
        data = np.ascontiguousarray(self.data, np.uint8).tobytes()
        builder.StartVector(1, len(data), _ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def unpack(data: bytes, name: str) -> Any:
    """Reads a flatbuffer into a ``schema.ModelT`` whose lists are there and whose indices are valid.

    Args:
        data: the file's bytes; bytes after the flatbuffer are ignored.
        name: the name of the file in errors.

    Raises:
        ExportError: the bytes are not a TFLite model, or are damaged.
    """
    if data[4:8] != _IDENTIFIER:
        raise ExportError(f"{name} is not a .tflite model")
    try:
        packed = schema.Model.GetRootAs(data)
        check_size(packed, len(data))
        model = schema.ModelT.InitFromObj(packed)
        check_parts(model)
    except Exception as error:
        raise ExportError(f"{name} is damaged: its flatbuffer cannot be read", "copy it again") from error
    return model


def pack(model: Any) -> bytes:
    """Writes a ``schema.ModelT`` as a flatbuffer."""
    model.buffers = [_aligned(buffer) for buffer in model.buffers]
    total = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = flatbuffers.Builder(total + (1 << 20))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _aligned(buffer: Any) -> _AlignedBuffer:
    aligned = _AlignedBuffer()
    aligned.data = buffer.data
    return aligned


def operator_name(code: Any) -> str:
    """The name of an operator code, such as ``CONV_2D``; a custom operator's own name."""
    if code.customCode:
        return str(code.customCode, "utf-8", "replace") if isinstance(code.customCode, bytes) else str(code.customCode)
    return _OPERATORS.get(builtin(code), f"builtin {builtin(code)}")


def builtin(code: Any) -> int:
    """The operator's number; files before schema 3a keep it in the deprecated field."""
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def shape(tensor: Any) -> list[int]:
    """A tensor's shape; empty for a single number."""
    return [] if tensor.shape is None else [int(n) for n in tensor.shape]


def type_name(tensor: Any) -> str:
    """A tensor's element type, such as ``int8``."""
    return _TENSOR_TYPES.get(int(tensor.type), f"type {tensor.type}")
