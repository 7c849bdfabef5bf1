"""Writes the backbone as ONNX, float and int8; needs an environment with onnx, onnxruntime and tf2onnx."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worker import Job
from graft_device.preprocess import preprocess
from graft_host.backbones.weights.find import find_weights
from tests.support.keras_inception import build_network


def write(request: dict[str, Any]) -> Job:
    """Exports the network with Keras and quantizes it with onnxruntime, calibrated on ``photos``."""
    for name in ("tf2onnx", "onnx", "onnxruntime"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    return Job(lambda: _write(request))


def _write(request: dict[str, Any]) -> None:
    weights, size = find_weights(request["weights"]), request["image_size"]
    network = build_network(weights, [request["tap"]], size)
    network(np.zeros((1, size, size, 3), np.float32))
    folder = Path(request["folder"])
    network.export(folder / "exported.onnx", format="onnx", verbose=False)
    quantization = importlib.import_module("onnxruntime.quantization")
    preparation = importlib.import_module("onnxruntime.quantization.shape_inference")
    preparation.quant_pre_process(folder / "exported.onnx", folder / "float32.onnx", skip_symbolic_shape=True)
    pixels = np.stack([preprocess(path, size) for path in request["photos"]]).astype(np.float32)
    scaled = (pixels - np.float32(weights.mean)) / np.float32(weights.std)
    session = importlib.import_module("onnxruntime").InferenceSession(
        folder / "float32.onnx", providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc,name-defined]
        """Gives the photos one by one, and None after the last."""

        def __init__(self) -> None:
            self._photos = iter(scaled)

        def get_next(self) -> dict[str, Any] | None:
            """The next photo as the network's input."""
            photo = next(self._photos, None)
            return None if photo is None else {name: photo[np.newaxis]}

    quantization.quantize_static(
        folder / "float32.onnx",
        folder / "int8.onnx",
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,  # faster on x86 than signed
        weight_type=quantization.QuantType.QInt8,
    )
