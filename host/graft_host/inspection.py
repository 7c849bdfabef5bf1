"""What is inside a model file: card, labels, tensors and operators."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from graft_device.model import read_model
from graft_host import flatbuffer
from graft_host.operators import OLDEST_RUNTIME, operators


def inspect_model(path: Path) -> dict[str, Any]:
    """A model's contents as plain values.

    Raises:
        ModelError: the file is not one of graftkit's.
        ExportError: its flatbuffer is damaged.
    """
    described = read_model(path).to_json()
    model = flatbuffer.unpack(path.read_bytes(), str(path))
    graph = model.subgraphs[0]
    found = operators(model)
    return {
        **described,
        "input": [_tensor(graph.tensors[index]) for index in graph.inputs],
        "output": [_tensor(graph.tensors[index]) for index in graph.outputs],
        "operators": [asdict(operator) for operator in found],
        "runs_on_oldest_runtime": {"runtime": OLDEST_RUNTIME, "runs": all(operator.supported for operator in found)},
        "metadata": [_text(entry.name) for entry in model.metadata or []],
    }


def _tensor(tensor: Any) -> dict[str, Any]:
    quantization = tensor.quantization
    scaled = quantization is not None and quantization.scale is not None and len(quantization.scale)
    return {
        "name": _text(tensor.name),
        "shape": [int(n) for n in tensor.shape],
        "dtype": flatbuffer.type_name(tensor),
        "scale": float(quantization.scale[0]) if scaled else None,
        "zero_point": int(quantization.zeroPoint[0]) if scaled else None,
    }


def _text(name: bytes | str | None) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
