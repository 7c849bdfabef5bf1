"""Caches the bottlenecks of one tap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.runtime import TensorSpec
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.support.vector_store import BottleneckStore

Rows = list[tuple[str, NDArray[Any]]]
"""Keys, and the bottleneck ``[D]`` of each in the numbers of the network's output, int8 or float32."""


def store_path(cache: Path, fingerprint: str, resize: str, runtime: str) -> Path:
    """The file that has the bottlenecks of a network.

    Args:
        cache: the folder of caches.
        fingerprint: of the network up to its bottleneck.
        resize: the resize rule.
        runtime: that runs it.
    """
    return cache / "bottlenecks" / f"{fingerprint}-{resize}-v{PREPROCESS_VERSION}-{runtime}.sqlite"


class TapBottlenecks:
    """The cached bottlenecks of one tap under one resize rule; a context manager.

    Args:
        backbone: that computes them; has one tap.
        spec: of its output.
        runtime: that runs it.
        cache: the folder of caches.
    """

    def __init__(self, backbone: Backbone, spec: TensorSpec, runtime: str, cache: Path) -> None:
        self.spec = spec
        path = store_path(cache, backbone.fingerprint, backbone.spec.resize, runtime)
        self._store = BottleneckStore(path, spec.dtype, spec.shape[1])

    def __enter__(self) -> TapBottlenecks:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__(None, None, None)

    def matrix(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """The bottlenecks of cached keys, ``[N,D]``."""
        return dequantize(self._store.matrix(keys), self.spec)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys are cached."""
        return self._store.known(keys)

    @property
    def damaged(self) -> int:
        """How many of the bottlenecks that were asked for are cached, but damaged; they count as missing."""
        return len(self._store.damaged)

    @property
    def put_aside(self) -> Path | None:
        """The new name of a damaged cache file that was put aside; None if there was none."""
        return self._store.put_aside

    def put(self, rows: Rows) -> None:
        """Caches all of these bottlenecks, or none if that fails."""
        self._store.put(rows)
