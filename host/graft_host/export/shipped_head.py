"""Reads the head of a model file as it was shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import ModelError
from graft_device.system.plain import read_plain
from graft_host.diagnosis.layers import find_head
from graft_host.export.stored_graph import read_tensor
from graft_host.heads.head import Array
from graft_host.support import flatbuffer


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
    tensor = read_tensor(model.subgraphs[0].tensors[index], model.buffers)
    if tensor.dtype != np.float32 and tensor.quantization is None:
        raise ValueError(f"{tensor.name} has no scale")
    return tensor.real
