"""The cache of bottlenecks: one SQLite file per backbone and resize rule.

SQLite gives what a cache of long work needs: a batch is stored whole or not at all, whatever kills the process,
and several runs may read and write at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import CacheError

_BUSY_SECONDS = 60
_KEYS_A_QUERY = 500


class BottleneckStore:
    """Vectors by key; a context manager.

    Args:
        path: the SQLite file, made with its folder if missing.
        dtype: of the vectors, which are stored little-endian.
        length: D, the numbers in a vector.

    Raises:
        CacheError: from every method, when the file cannot be opened, read or written.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.generic], length: int) -> None:
        self.path = path
        self._dtype = dtype.newbyteorder("<")
        self._length = length
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS bottlenecks (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )
            self._db.commit()

    def __enter__(self) -> BottleneckStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys are stored."""
        found: set[str] = set()
        with self._errors():
            for batch in _batches(list(keys)):
                marks = ",".join("?" * len(batch))
                query = f"SELECT key FROM bottlenecks WHERE key IN ({marks}) AND length(vector) = ?"  # noqa: S608
                found.update(key for (key,) in self._db.execute(query, [*batch, self._bytes]))
        return found

    def put(self, rows: Sequence[tuple[str, NDArray[np.generic]]]) -> None:
        """Stores vectors; all of them or, when this process dies in between, none."""
        with self._errors(), self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO bottlenecks VALUES (?, ?)",
                ((key, vector.astype(self._dtype, copy=False).tobytes()) for key, vector in rows),
            )

    def matrix(self, keys: Sequence[str]) -> NDArray[np.generic]:
        """The vectors of keys that are all stored, ``[N,D]`` in the order given."""
        result = np.empty((len(keys), self._length), self._dtype)
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        with self._errors():
            for batch in _batches(list(places)):
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, vector FROM bottlenecks WHERE key IN ({marks})"  # noqa: S608
                for key, vector in self._db.execute(query, batch):
                    result[places.pop(key)] = np.frombuffer(vector, self._dtype)
        if places:
            raise CacheError(f"{self.path} lost {len(places)} bottlenecks while it was read: run again")
        return result

    @property
    def _bytes(self) -> int:
        return self._length * self._dtype.itemsize

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CacheError(f"cache {self.path}: {_advice(error)}") from error


def _advice(error: Exception) -> str:
    text = str(error)
    if "full" in text or "No space" in text:
        return "the disk is full; free some space, or put the cache elsewhere with --cache DIR"
    if "malformed" in text or "not a database" in text:
        return f"the file is damaged ({text}); remove it, and its bottlenecks are computed anew"
    return f"{text}; check that the folder can be written to, or choose another with --cache DIR"


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _KEYS_A_QUERY):
        yield keys[start : start + _KEYS_A_QUERY]
