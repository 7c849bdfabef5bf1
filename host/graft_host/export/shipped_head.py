"""Reads the head of a model file as it was shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ModelError
from graft_device.system.plain import read_plain
from graft_host.diagnosis.layers import find_head
from graft_host.heads.head import Array
from graft_host.support import flatbuffer

_NUMBERS = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.INT8: "<i1", schema.TensorType.INT32: "<i4"}


def read_head(path: Path) -> tuple[Array, Array]:
    """The head of a model file as it was shipped.

    Returns:
        Kernel ``[D,K]`` and bias ``[K]``, float32; of an int8 file the numbers that its integers represent.

    Raises:
        ModelError: the file has no head that can be distinguished from its backbone.
    """
    model = flatbuffer.unpack(read_plain(path), str(path))
    head = find_head(model, str(path))
    try:
        kernel, bias = _constant(model, head.weights), _constant(model, head.bias)
        if kernel.ndim != 2 or bias.shape != kernel.shape[:1]:  # noqa: PLR2004  [K,D] and [K]
            raise ValueError(f"{kernel.shape} and {bias.shape}")
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError("not finite")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} has a head that cannot be read", "copy it again") from error
    return np.ascontiguousarray(kernel.T), bias


def _constant(model: Any, index: int) -> Array:
    tensor = model.subgraphs[0].tensors[index]
    stored = np.frombuffer(np.asarray(model.buffers[tensor.buffer].data, np.uint8).tobytes(), _NUMBERS[tensor.type])
    numbers = stored.reshape(tensor.shape).astype(np.float64)
    if tensor.type != schema.TensorType.FLOAT32:
        numbers = (numbers - int(tensor.quantization.zeroPoint[0])) * float(tensor.quantization.scale[0])
    return numbers.astype(np.float32)
