"""The bottlenecks of photos as the network in a model file computes them: from the caches, or from its process.

Training has cached those of its photos by the fingerprint of the backbone, which is in the model card. They are taken
where one of them is what the model's own network computes; the others are computed once, and cached by the model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize
from graft_device.errors import CacheError, PhotoError
from graft_device.preprocess import read_photo
from graft_device.runtime import TensorSpec
from graft_host.backbones.bottlenecks.tap_bottlenecks import Rows, store_path
from graft_host.photos.dataset import Photo
from graft_host.studio.trials.model_process import ModelProcess
from graft_host.studio.trials.occlusion import StoppedError
from graft_host.support.vector_store import BottleneckStore

Array = NDArray[np.float32]

_STORED_AT_ONCE = 64
_SAME = 0.3
"""Two bottlenecks are of one network if their numbers differ by less than this on average, in steps of int8."""


class KnownBottlenecks:
    """The bottlenecks of a model's network; a context manager.

    Args:
        process: that runs the model.
        cache: the folder of caches.
        example: the bytes of an image file that can be read.

    Raises:
        PhotoError: the example cannot be read.
        GraftError: the model or the cache cannot be used.
    """

    def __init__(self, process: ModelProcess, cache: Path, example: bytes) -> None:
        self._process = process
        header, body = process.ask("bottleneck", example)
        dtype = np.dtype(header["dtype"])
        values = np.frombuffer(body, dtype)
        self._spec = TensorSpec((1, len(values)), dtype, header["scale"], header["zero_point"])
        self.example: Array = dequantize(values, self._spec)
        description = process.description()
        card, self._opened = description["card"], contextlib.ExitStack()
        resize, runtime = card["resize"], description["runtime"]
        own = store_path(cache, f"studio-{description['digest']}", resize, runtime)
        trained = store_path(cache, str(card["backbone"].get("fingerprint")), resize, runtime)
        self._own = self._store(own)
        self._trained = self._store(trained) if trained.is_file() else None

    def __enter__(self) -> KnownBottlenecks:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

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
        found = self._read(self._trusted(wanted), wanted)
        found |= self._read(self._own, {key: photo for key, photo in wanted.items() if photo.digest not in found})
        missing = [photo for photo in wanted.values() if photo.digest not in found]
        rows: Rows = []
        try:
            for done, photo in enumerate(missing, 1):
                if stopped():
                    raise StoppedError
                if (values := self._computed(photo)) is not None:
                    rows.append((photo.cache_key, values))
                    found[photo.digest] = dequantize(values, self._spec)
                if len(rows) >= _STORED_AT_ONCE:
                    self._own.put(rows)
                    rows = []
                progress(done, len(missing))
        finally:
            if rows:
                self._own.put(rows)
        return found

    def _trusted(self, photos: dict[str, Photo]) -> BottleneckStore | None:
        """The cache of the training run, if it is of this very network."""
        if self._trained is None:
            return None
        for key in self._trained.known(photos):
            values = self._computed(photos[key])
            if values is not None:
                stored = self._trained.matrix([key])[0].astype(np.float32)
                step = 1.0 if self._spec.scale else float(np.abs(values).mean()) / 100
                same = float(np.abs(stored - values.astype(np.float32)).mean()) <= _SAME * step
                return self._trained if same else None
        return None

    def _read(self, store: BottleneckStore | None, photos: dict[str, Photo]) -> dict[str, Array]:
        if store is None or not photos:
            return {}
        keys = sorted(store.known(photos))
        rows = dequantize(store.matrix(keys), self._spec)
        return {photos[key].digest: row for key, row in zip(keys, rows, strict=True)}

    def _computed(self, photo: Photo) -> NDArray[Any] | None:
        with contextlib.suppress(PhotoError):
            _, body = self._process.ask("bottleneck", read_photo(photo.path))
            return np.frombuffer(body, self._spec.dtype)
        return None

    def _store(self, path: Path) -> BottleneckStore:
        try:
            return self._opened.enter_context(BottleneckStore(path, self._spec.dtype, self._spec.shape[1]))
        except CacheError:
            self._opened.close()
            raise
