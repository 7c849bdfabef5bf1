"""What is inside a model file: card, labels, tensors and operators."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graft_device.model import read_model
from graft_device.runtime import PACKAGES, RUNTIMES, installed_runtimes
from graft_host import flatbuffer
from graft_host.metadata_reader import read_metadata
from graft_host.operators import OLDEST_RUNTIME, Operator, operators
from graft_host.trial import why_not


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
        "runtimes": [_by_table(found), *_by_trial(path)],
        "metadata": read_metadata(model, str(path)),
    }


def _by_table(found: list[Operator]) -> dict[str, Any]:
    unknown = [f"{operator.name} version {operator.version}" for operator in found if not operator.supported]
    why = f"it does not know {', '.join(unknown)}" if unknown else None
    return {"runtime": OLDEST_RUNTIME, "how": "by its table of operators", "runs": not unknown, "why_not": why}


def _by_trial(path: Path) -> list[dict[str, Any]]:
    """What the runtimes that are installed here make of the file; TensorFlow's own is none that boards have."""
    answers = []
    for name in (name for name in installed_runtimes() if name in RUNTIMES):
        why = why_not(path, name)
        version = f"{name} {importlib.metadata.version(PACKAGES[name])}"
        answers.append({"runtime": version, "how": "tried here", "runs": why is None, "why_not": why})
    return answers


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
