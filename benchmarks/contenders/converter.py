"""Writes the int8 backbone as TensorFlow's converter does, from Keras's network."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worker import Job
from graft_device.preprocess import preprocess
from graft_host.backbones.weights import find_weights
from tests.support.converter import convert
from tests.support.keras_inception import build_network


def write(request: dict[str, Any]) -> Job:
    """Writes the file ``output``, calibrated on ``photos``."""
    importlib.import_module("tensorflow")
    return Job(lambda: _write(request))


def _write(request: dict[str, Any]) -> None:
    weights, size = find_weights(request["weights"]), request["image_size"]
    network = build_network(weights, [request["tap"]], size)
    photos = np.stack([preprocess(path, size) for path in request["photos"]])
    data = convert(network, "int8", weights.mean, weights.std, photos, lambda *_: None)
    Path(request["output"]).write_bytes(data)
