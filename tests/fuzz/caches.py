"""Caches of bottlenecks: SQLite files whose bytes or contents have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft_device.errors import CacheError
from graft_host.support.vector_store import BottleneckStore
from tests.fuzz import databases
from tests.fuzz.target import Target, check_message

if TYPE_CHECKING:
    import random
    from pathlib import Path

_VECTORS = {f"{number:064x}": np.arange(number, number + 12, dtype=np.int8) for number in range(40)}
_DTYPE = np.dtype(np.int8)


class Kind(Target):
    """A store of bottlenecks that is opened, read and added to after damage."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "cache.sqlite"

    def seeds(self) -> list[bytes]:
        with databases.alone(self._path), BottleneckStore(self._path, _DTYPE, 12) as store:
            store.put(list(_VECTORS.items()))
        return [self._path.read_bytes()]

    def read(self, data: bytes) -> str:
        databases.write(self._path, data)
        try:
            return self._use()
        except CacheError as error:
            check_message(error)
        self._use()  # "run the command again" must be true
        return "repaired by a second run"

    def _use(self) -> str:
        """Does what a run does: looks up, computes and stores what is missing, and reads all of it."""
        with BottleneckStore(self._path, _DTYPE, 12) as store:
            known = store.known(_VECTORS)
            missing = [(key, vector) for key, vector in _VECTORS.items() if key not in known]
            store.put(missing)
            matrix = store.matrix(list(_VECTORS))
            assert np.array_equal(matrix, np.array(list(_VECTORS.values()))), "a wrong bottleneck"
            put_aside = store.put_aside is not None
        return "put aside" if put_aside else "repaired" if missing else "accepted"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        return databases.changed(data, self.folder / "scratch.sqlite", rng)
