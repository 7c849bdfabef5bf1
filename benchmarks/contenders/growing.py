"""Runs graftkit's stages on growing numbers of photos, each once in its own process."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.supplies import opened
from benchmarks.worker import Job
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.heads.finished import finish_head
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import scan
from graft_host.support.vector_store import BottleneckStore

_CLASSES = 10
_VALIDATION = 0.15
_ROWS_PER_COMMIT = 256  # as bottlenecks/extract.py stores them


def scanning(request: dict[str, Any]) -> Job:
    """Finds the photos, reads them and hashes them."""
    return Job(lambda: scan(Path(request["photos"]), request["cores"]))


def extraction(request: dict[str, Any]) -> Job:
    """Turns files into cached bottlenecks, starting with an empty cache."""
    backbone, cores = opened(request["backbone"]), request["cores"]
    photos = scan(Path(request["photos"]), cores).photos

    def run() -> Any:
        scratch = tempfile.TemporaryDirectory(dir=request["scratch"])
        with scratch as folder, Bottlenecks(backbone, Path(folder)) as bottlenecks:
            return bottlenecks.extract(photos_alone(photos), cores, lambda *_: None)

    return Job(run, lambda extraction: {"computed": extraction.misses})


def head(request: dict[str, Any]) -> Job:
    """Runs ``train_head``, which chooses the penalty and fits the head."""
    train, validation = _synthetic(request["photos"], request["length"])

    def run() -> Any:
        with threadpool_limits(1):  # as graft train does
            return train_head(train, validation, _CLASSES, Recipe())

    return Job(run, lambda head: {"penalty": head.penalty})


def calibration(request: dict[str, Any]) -> Job:
    """Runs ``finish_head``: five folds of the training photos, and the thresholds."""
    train, validation = _synthetic(request["photos"], request["length"])
    with threadpool_limits(1):
        trained = train_head(train, validation, _CLASSES, Recipe())
    groups = np.arange(len(train[1]))

    def run() -> Any:
        with threadpool_limits(1):
            return finish_head(trained, train, validation, Recipe(), groups, 0.05)

    return Job(run, lambda head: {"temperature": head.temperature})


def cache(request: dict[str, Any]) -> Job:
    """Stores bottlenecks, looks them all up, and reads them all."""
    count, length = request["photos"], request["length"]
    vectors = np.random.default_rng(0).integers(-128, 128, (count, length), dtype=np.int8)
    keys = [hashlib.sha256(str(index).encode()).hexdigest() for index in range(count)]

    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=request["scratch"]) as folder:
            path = Path(folder) / "cache.sqlite"
            laps = [time.perf_counter()]
            with BottleneckStore(path, np.dtype(np.int8), length) as store:
                for rows in _batches(keys, vectors):
                    store.put(rows)
                laps.append(time.perf_counter())
                known = len(store.known(keys))
                laps.append(time.perf_counter())
                store.matrix(keys)
                laps.append(time.perf_counter())
            size = sum(entry.stat().st_size for entry in Path(folder).iterdir())
        put, look_up, read = np.diff(laps)
        return {"put": put, "look_up": look_up, "read": read, "bytes": size, "known": known}

    return Job(run, dict)


def _batches(keys: list[str], vectors: NDArray[np.int8]) -> Iterator[list[tuple[str, NDArray[np.int8]]]]:
    for start in range(0, len(keys), _ROWS_PER_COMMIT):
        indices = range(start, min(start + _ROWS_PER_COMMIT, len(keys)))
        yield [(keys[index], vectors[index]) for index in indices]


def _synthetic(photos: int, length: int) -> tuple[Any, Any]:
    """Synthetic bottlenecks ``[N,D]`` and labels of overlapping classes, for training and for validation."""
    x, y = synthetic(photos, length, _CLASSES)
    cut = int(photos * (1 - _VALIDATION))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def synthetic(photos: int, length: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Synthetic bottlenecks ``[N,D]`` like a backbone's (no negative values, many zeros, correlated), and labels."""
    rng = np.random.default_rng(0)
    common = rng.normal(0, 1, (32, length)).astype(np.float32)
    labels = rng.integers(0, classes, photos)
    centres = rng.normal(0, 0.25, (classes, length)).astype(np.float32)
    result = rng.standard_normal((photos, length), dtype=np.float32)
    result += rng.standard_normal((photos, 32), dtype=np.float32) @ common * np.float32(0.2)
    result += centres[labels]
    np.maximum(result, 0, out=result)
    return result, labels
