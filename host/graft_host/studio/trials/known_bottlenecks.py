"""The bottlenecks of photos as the network in a model file computes them: from the caches, or from its process.

Training has cached those of its photos by the fingerprint of the backbone, which is in the model card. They are taken
where one of them is what the model's own network computes; the others are computed once, and cached by the model.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.errors import PhotoError
from graft_device.preprocess import read_photo
from graft_device.runtime import TensorSpec
from graft_host.backbones.bottlenecks.tap_bottlenecks import Rows, store_path
from graft_host.photos.dataset import Photo
from graft_host.studio.trials.model_process import ModelProcess
from graft_host.studio.trials.occlusion import StoppedError
from graft_host.support.vector_store import BottleneckStore

Array = NDArray[np.float32]

_STORED_AT_ONCE = 64
_FINGERPRINT = re.compile("[0-9a-f]{64}")
"""A card may come from anybody, and its text becomes the name of a file."""

_SAME = 0.3
"""Two bottlenecks are of one network if their numbers differ by less than this on average, in steps of int8."""


class KnownBottlenecks:
    """The bottlenecks of a model's network.

    Args:
        process: that runs the model.
        cache: the folder of caches.
        picture: the bytes of an image file.

    Attributes:
        row: the bottleneck of the picture, ``[D]``.

    Raises:
        PhotoError: the picture cannot be read.
        GraftError: the model cannot be used.
    """

    def __init__(self, process: ModelProcess, cache: Path, picture: bytes) -> None:
        self._process, self._cache = process, cache
        header, body = process.ask("bottleneck", picture)
        dtype = np.dtype(header["dtype"])
        values = np.frombuffer(body, dtype)
        self._spec = TensorSpec((1, len(values)), dtype, header["scale"], header["zero_point"])
        self.row: Array = dequantize(values, self._spec)

    def rows(
        self, photos: Sequence[Photo], progress: Callable[[int, int], None], stopped: Callable[[], bool]
    ) -> dict[str, Array]:
        """The bottlenecks ``[D]`` by digest; a photo that cannot be read has none.

        Args:
            photos: some photos.
            progress: called with (photos done, photos to do), for those that are in no cache.
            stopped: asked often whether to stop; what was computed is kept.

        Raises:
            StoppedError: ``stopped`` returned True.
            GraftError: the model or the cache cannot be used.
        """
        wanted = {photo.cache_key: photo for photo in photos}
        description = self._process.description()
        fingerprint = description["card"]["backbone"].get("fingerprint") or ""
        found: dict[str, Array] = {}
        if _FINGERPRINT.fullmatch(fingerprint) and (trained := self._path(description, fingerprint)).is_file():
            with self._store(trained) as store:
                if self._is_same(store, wanted):
                    found = self._read(store, wanted)
        with self._store(self._path(description, f"studio-{description['digest']}")) as own:
            found |= self._read(own, {key: photo for key, photo in wanted.items() if photo.digest not in found})
            missing = [photo for photo in wanted.values() if photo.digest not in found]
            return found | self._compute(own, missing, progress, stopped)

    def _compute(
        self,
        own: BottleneckStore,
        photos: Sequence[Photo],
        progress: Callable[[int, int], None],
        stopped: Callable[[], bool],
    ) -> dict[str, Array]:
        rows: Rows = []
        found = {}
        try:
            for done, photo in enumerate(photos, 1):
                if stopped():
                    raise StoppedError
                if (values := self._computed(photo)) is not None:
                    rows.append((photo.cache_key, values))
                    found[photo.digest] = dequantize(values, self._spec)
                if len(rows) >= _STORED_AT_ONCE:
                    own.put(rows)
                    rows = []
                progress(done, len(photos))
        finally:
            if rows:
                own.put(rows)
        return found

    def _is_same(self, store: BottleneckStore, photos: dict[str, Photo]) -> bool:
        """Whether a cache is of this very network: whether it has what the network computes of one of the photos."""
        for key in sorted(store.known(photos)):
            values = self._computed(photos[key])
            if values is not None:
                stored = store.matrix([key])[0].astype(np.float32)
                step = 1.0 if self._spec.scale else float(np.abs(values).mean()) / 100
                return float(np.abs(stored - values.astype(np.float32)).mean()) <= _SAME * step
        return False

    def _read(self, store: BottleneckStore, photos: dict[str, Photo]) -> dict[str, Array]:
        keys = sorted(store.known(photos))
        rows = dequantize(store.matrix(keys), self._spec)
        return {photos[key].digest: row for key, row in zip(keys, rows, strict=True)}

    def _computed(self, photo: Photo) -> NDArray[Any] | None:
        with contextlib.suppress(PhotoError):
            _, body = self._process.ask("bottleneck", read_photo(photo.path))
            return np.frombuffer(body, self._spec.dtype)
        return None

    def _store(self, path: Path) -> BottleneckStore:
        return BottleneckStore(path, self._spec.dtype, self._spec.shape[1])

    def _path(self, description: Mapping[str, Any], name: str) -> Path:
        return store_path(self._cache, name, description["card"]["resize"], description["runtime"])
