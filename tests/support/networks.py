"""Runs flatbuffers of networks, and compares what they compute."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

RUNTIMES = ("ai_edge_litert", "tflite_runtime")


def outputs_of(data: bytes, pixels: NDArray[Any], runtime: str = "ai_edge_litert", threads: int = 1) -> list[Any]:
    """What a network returns for one input, in the order of its outputs."""
    module = importlib.import_module(f"{runtime}.interpreter")
    interpreter = module.Interpreter(model_content=data, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]


def outputs_by_signature(data: bytes, pixels: NDArray[Any], runtime: str = "ai_edge_litert") -> dict[str, Any]:
    """What the only signature of a network returns for one input, in the order of the numbers in the names."""
    module = importlib.import_module(f"{runtime}.interpreter")
    interpreter = module.Interpreter(model_content=data, num_threads=1)
    ((_, names),) = interpreter.get_signature_list().items()
    (entrance,) = names["inputs"]
    outputs = interpreter.get_signature_runner()(**{entrance: pixels})
    return dict(sorted(outputs.items(), key=lambda entry: int(entry[0].rpartition("_")[2])))


def largest_error(computed: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest difference, relative to the largest absolute value that is expected."""
    assert np.isfinite(computed).all()
    return float(np.abs(computed.astype(np.float64) - expected).max() / np.abs(expected).max())
