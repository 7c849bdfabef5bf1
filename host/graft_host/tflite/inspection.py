"""Describes the contents of a model file: card, labels, tensors, operators and metadata."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graft_device.model import read_checked
from graft_device.model.memory import read_memory
from graft_device.runtime import PACKAGES, RUNTIMES, installed_runtimes
from graft_device.system.plain import read_plain
from graft_host.support import flatbuffer
from graft_host.tflite.metadata_reader import read_metadata
from graft_host.tflite.operators import OLDEST_RUNTIME, Operator, operators
from graft_host.tflite.trial import why_not


def inspect_model(path: Path) -> dict[str, Any]:
    """Returns a model's contents as plain values, and which runtimes can run it.

    Raises:
        ModelError: the file was not written by graftkit.
        ExportError: the flatbuffer is damaged.
    """
    known = read_checked(path)
    data, memory = read_plain(path), read_memory(path)
    inside = inspect_network(data, str(path))
    return {
        **known.to_json(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "memory": None if memory is None else memory[0].to_json(),
        "network_sha256": None if known.golden is None else known.golden.network_sha256,
        **inside,
        "runtimes": [*inside["runtimes"], *_by_trial(path)],
    }


def inspect_network(data: bytes, name: str) -> dict[str, Any]:
    """Returns the contents of a flatbuffer as plain values, and whether the oldest runtime has all its operators.

    Args:
        data: the flatbuffer; bytes after it are ignored.
        name: the file's name in errors.

    Raises:
        ExportError: the flatbuffer is damaged.
    """
    model = flatbuffer.unpack(data, name)
    graph = model.subgraphs[0]
    used = operators(model)
    return {
        "input": [_tensor(graph.tensors[index]) for index in graph.inputs],
        "output": [_tensor(graph.tensors[index]) for index in graph.outputs],
        "operators": [asdict(operator) for operator in used],
        "runtimes": [_by_table(used)],
        "metadata": read_metadata(model, name),
    }


def _by_table(used: list[Operator]) -> dict[str, Any]:
    """Whether the oldest runtime has all operators, according to the table."""
    unknown = [f"{operator.name} version {operator.version}" for operator in used if not operator.supported]
    reason = f"it does not support {', '.join(unknown)}" if unknown else None
    return {"runtime": OLDEST_RUNTIME, "how": "by its table of operators", "runs": not unknown, "why_not": reason}


def _by_trial(path: Path) -> list[dict[str, Any]]:
    """Whether the runtimes that are installed here run the file, without TensorFlow's, which no board has."""
    results = []
    for name in (name for name in installed_runtimes() if name in RUNTIMES):
        reason = why_not(path, name)
        version = f"{name} {importlib.metadata.version(PACKAGES[name])}"
        results.append({"runtime": version, "how": "tried here", "runs": reason is None, "why_not": reason})
    return results


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
    """A vector of a flatbuffer's table; empty if the table or the vector is missing."""
    vector = getattr(table, field, None)
    return [] if vector is None else list(vector)


def _text(name: bytes | str | None) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
