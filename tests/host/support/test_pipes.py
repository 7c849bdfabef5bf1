"""Named pipes in the place of files that the workstation reads: refused, and never waited for."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.errors import CacheError, GraftError, ModelError, WeightsError
from graft_host.backbones.conversion.cache import BackboneCache
from graft_host.backbones.weights.find import find_weights
from graft_host.deploy.plan import read_local
from graft_host.network_search.latency.board_latency import read_figures
from graft_host.support.destination import first_bytes
from graft_host.support.vector_store import BottleneckStore
from graft_host.tflite.inspection import inspect_model
from graft_host.tflite.signing import sign
from tests.support.stores import write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READERS: dict[str, tuple[type[Exception], Callable[[Path], object]]] = {
    "weights": (WeightsError, lambda path: find_weights(str(path))),
    "a model": (ModelError, inspect_model),
    "a model to sign": (ModelError, lambda path: sign(path, path)),
    "a model to deploy": (ModelError, read_local),
    "a board's figures": (GraftError, read_figures),
    "what an output would replace": (OSError, first_bytes),
    "a cache": (CacheError, lambda path: BottleneckStore(path, np.dtype(np.float32), 4)),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_pipe_is_refused(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    error, read = READERS[kind]
    with pytest.raises(error, match="a named pipe, not a file"):
        read(tmp_path / "pipe")


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_pipe_beside_a_cache(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"b.sqlite{suffix}")
    with pytest.raises(CacheError, match="a named pipe, not a file"):
        BottleneckStore(tmp_path / "b.sqlite", np.dtype(np.float32), 4)


def test_a_pipe_among_cached_backbones_is_passed_over(tmp_path: Path) -> None:
    cache = BackboneCache(tmp_path)
    kept = cache.store("key", b"network", ["photo"])
    os.mkfifo(tmp_path / "backbones" / "key-0.json")
    assert cache.find("key", ["photo"]) == kept


def test_a_signature_that_is_a_pipe_is_not_sent(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", 1)
    assert not read_local(model).signed
    os.mkfifo(tmp_path / "m.tflite.sig")
    with pytest.raises(ModelError, match=r"m\.tflite\.sig: a named pipe, not a file; sign the model again"):
        read_local(model)
    (tmp_path / "m.tflite.sig").unlink()
    shutil.copy(model, tmp_path / "m.tflite.sig")
    assert read_local(model).signed
