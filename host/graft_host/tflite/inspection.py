"""What is inside a model file: card, labels, tensors and operators."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graft_device.model import read_model
from graft_device.runtime import PACKAGES, RUNTIMES, installed_runtimes
from graft_host.support import flatbuffer
from graft_host.tflite.metadata_reader import read_metadata
from graft_host.tflite.operators import OLDEST_RUNTIME, Operator, operators
from graft_host.tflite.trial import why_not


def inspect_model(path: Path) -> dict[str, Any]:
    """A model's contents as plain values.

    Raises:
        ModelError: the file is not one of graftkit's.
        ExportError: its flatbuffer is damaged.
    """
    described = read_model(path).to_json()
    data = path.read_bytes()
    model = flatbuffer.unpack(data, str(path))
    graph = model.subgraphs[0]
    found = operators(model)
    return {
        **described,
        "sha256": hashlib.sha256(data).hexdigest(),
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
    scales, zero_points = (_numbers(tensor.quantization, field) for field in ("scale", "zeroPoint"))
    return {
        "name": _text(tensor.name),
        "shape": [int(n) for n in _numbers(tensor, "shape")],
        "dtype": flatbuffer.type_name(tensor),
        "scale": float(scales[0]) if scales else None,
        "zero_point": int(next(iter(zero_points), 0)) if scales else None,
    }


def _numbers(table: Any, field: str) -> list[Any]:
    """A vector of a flatbuffer's table; empty where there is no table, or no such vector in it."""
    found = getattr(table, field, None)
    return [] if found is None else list(found)


def _text(name: bytes | str | None) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
