"""Makes one file of head and backbone: graftkit edits the flatbuffer, the alternative converts the whole network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.worker import Job
from graft_device.preprocess import preprocess
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import Head


def fuse(request: dict[str, Any]) -> Job:
    """Uses ``fuse.fuse``; reading the cached backbone from its file is timed too."""
    from graft_host.tflite import fuse as fusing

    backbone, (head, bottlenecks) = Path(request["backbone"]["path"]), _head(request)

    def run() -> bytes:
        with threadpool_limits(1):  # as graft train does
            return fusing.fuse(backbone.read_bytes(), head, bottlenecks)

    return Job(run, _bytes)


def convert(request: dict[str, Any]) -> Job:
    """Converts backbone and head with TensorFlow, calibrated on as many photos; import and building are not timed."""
    import keras

    from tests.support.converter import convert as converted
    from tests.support.keras_inception import build_network

    weights, size = find_weights(request["weights"]), request["image_size"]
    backbone, (head, _) = build_network(weights, [request["tap"]], size), _head(request)
    dense = keras.layers.Dense(len(head.bias), activation="softmax")
    network = keras.Model(backbone.input, dense(backbone.output))
    dense.set_weights([head.kernel, head.bias])
    photos = np.stack([preprocess(path, size) for path in request["photos"]])
    return Job(lambda: converted(network, "int8", weights.mean, weights.std, photos), _bytes)


def _head(request: dict[str, Any]) -> tuple[Head, Any]:
    """A random head, and random bottlenecks for its ranges; their values do not affect the time."""
    length, classes = request["length"], request["classes"]
    rng = np.random.default_rng(0)
    head = Head(rng.normal(0, 0.1, (length, classes)).astype(np.float32), np.zeros(classes, np.float32))
    return head, rng.uniform(0, 1, (500, length)).astype(np.float32)


def _bytes(file: bytes) -> dict[str, Any]:
    return {"bytes": len(file)}
