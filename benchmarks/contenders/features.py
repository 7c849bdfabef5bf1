"""Turns photo files into bottlenecks: graftkit, Keras's ``predict``, a frozen graph as in 2015, and onnxruntime."""

from __future__ import annotations

import importlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.supplies import opened
from benchmarks.worker import Job
from graft_device.preprocess import preprocess
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import scan

KERAS_BATCH = 32


def ours(request: dict[str, Any]) -> Job:
    """Extracts with graftkit and a cold cache; ``photos`` is a folder as for ``graft train``."""
    backbone, cores = opened(request["backbone"]), request["cores"]
    photos = scan(Path(request["photos"]), cores, min_classes=1).photos

    def run() -> NDArray[np.float32]:
        with tempfile.TemporaryDirectory() as cache, Bottlenecks(backbone, Path(cache)) as bottlenecks:
            bottlenecks.extract(photos_alone(photos), cores, lambda *_: None)
            return bottlenecks.matrix(photos)[0]

    return Job(run, _shape)


def keras(request: dict[str, Any]) -> Job:
    """Keras in batches of 32; the photos are decoded on all cores first."""
    from tests.support.keras_inception import build_network

    weights, paths = find_weights(request["weights"]), _paths(request["photos"])
    network = build_network(weights, [request["tap"]], request["image_size"])

    def run() -> Any:
        with ThreadPoolExecutor(request["cores"]) as pool:
            pixels = np.stack(list(pool.map(lambda path: preprocess(path, request["image_size"]), paths)))
        scaled = (pixels.astype(np.float32) - np.float32(weights.mean)) / np.float32(weights.std)
        return network.predict(scaled, batch_size=KERAS_BATCH, verbose=0)

    return Job(run, _shape)


def frozen_graph(request: dict[str, Any]) -> Job:
    """A TensorFlow 1 session over the graph of 2015, one JPEG at a time, as the retraining scripts did."""
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef.FromString(Path(request["graph"]).read_bytes())
    paths, block = _paths(request["photos"]), request["tap"].replace("mixed", "mixed_").replace("mixed_0", "mixed")
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        pooled = tf.reduce_mean(graph.get_tensor_by_name(f"{block}/join:0"), [1, 2])
        session = tf.compat.v1.Session(graph=graph)

    def run() -> NDArray[np.float32]:
        return np.concatenate(
            [session.run(pooled, {"DecodeJpeg/contents:0": Path(path).read_bytes()}) for path in paths]
        )

    return Job(run, _shape)


def onnx(request: dict[str, Any]) -> Job:
    """onnxruntime, with one photo per core at a time, which is faster here than one session on all cores or batches."""
    runtime = importlib.import_module("onnxruntime")
    paths, size = _paths(request["photos"]), request["image_size"]
    weights, local = find_weights(request["weights"]), threading.local()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1

    def session() -> Any:
        if not hasattr(local, "session"):
            local.session = runtime.InferenceSession(request["network"], options, providers=["CPUExecutionProvider"])
        return local.session

    def features(path: str) -> Any:
        pixels = preprocess(path, size)[np.newaxis].astype(np.float32)
        scaled = (pixels - np.float32(weights.mean)) / np.float32(weights.std)
        return session().run(None, {session().get_inputs()[0].name: scaled})[0]

    pool = ThreadPoolExecutor(request["cores"])
    return Job(lambda: np.concatenate(list(pool.map(features, paths))), _shape)


def _paths(folder: str) -> list[str]:
    return [str(path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def _shape(bottlenecks: Any) -> dict[str, Any]:
    return {"shape": list(bottlenecks.shape), "mean": float(np.mean(bottlenecks))}
