"""The cache of bottlenecks: one SQLite file per backbone and resize rule.

SQLite gives what a cache of long work needs: a batch is stored whole or not at all, whatever kills the process,
and several runs may read and write at once. It does not notice bytes that change on the disk, so each vector is
followed by a checksum of itself and its key. A row without one, as the kit wrote them before, has another length and
counts as absent.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import CacheError

_BUSY_SECONDS = 60
_KEYS_A_QUERY = 500
_ROOM = 1 << 20  # bytes; SQLite's shared memory file needs 32 KiB, and says "disk I/O error" where there is less
_DAMAGE = ("malformed", "not a database", "no such column", "Could not decode", "can't decode")
_CHECKSUM_BYTES = 4
_RESIDUE = 0x2144DF1C  # the CRC-32 of whatever is followed by its own CRC-32


class BottleneckStore:
    """Vectors by key; a context manager.

    Args:
        path: the SQLite file, made with its folder if missing.
        dtype: of the vectors, which are stored little-endian.
        length: D, the numbers in a vector.
        what: the vectors are, for messages.

    Attributes:
        damaged: keys under which a vector was met that is not the one that was stored.

    Raises:
        CacheError: from every method, when the file cannot be opened, read or written.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.generic], length: int, what: str = "bottlenecks") -> None:
        self.path = path
        self.damaged: set[str] = set()
        self._what = what
        self._dtype = dtype.newbyteorder("<")
        self._length = length
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> BottleneckStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys are stored, undamaged."""
        found: set[str] = set()
        with self._errors():
            for batch in _batches(keys):
                found.update(key for key, _ in self._intact(batch))
        return found

    def put(self, rows: Sequence[tuple[str, NDArray[np.generic]]]) -> None:
        """Stores vectors; all of them or, when this process dies in between, none."""
        with self._errors(), self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO bottlenecks VALUES (?, ?)",
                ((key, _row(key, vector.astype(self._dtype, copy=False).tobytes())) for key, vector in rows),
            )

    def matrix(self, keys: Sequence[str]) -> NDArray[np.generic]:
        """The vectors of keys that are all stored, ``[N,D]`` in the order given."""
        result = np.empty((len(keys), self._length), self._dtype)
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        with self._errors():
            for batch in _batches(list(places)):  # places shrinks meanwhile
                for key, row in self._intact(batch):
                    result[places.pop(key)] = np.frombuffer(row, self._dtype, self._length)
        if places:
            raise CacheError(f"{self.path} lost {len(places)} {self._what} while it was read: run again")
        return result

    def _intact(self, keys: list[str]) -> Iterator[tuple[str, bytes]]:
        """The rows of keys that are what was stored."""
        marks = ",".join("?" * len(keys))
        whole = "typeof(vector) = 'blob' AND length(vector) = ?"
        query = f"SELECT key, vector FROM bottlenecks WHERE key IN ({marks}) AND {whole}"  # noqa: S608
        crc = zlib.crc32
        for row in self._db.execute(query, [*keys, self._bytes + _CHECKSUM_BYTES]):
            if crc(row[1], crc(row[0].encode())) == _RESIDUE:
                yield row
            else:
                self.damaged.add(row[0])

    def _prepare(self) -> None:
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # SQLite doesn't wait for another run that is switching to WAL at the same moment.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS bottlenecks (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )
        self._db.commit()

    @property
    def _bytes(self) -> int:
        return self._length * self._dtype.itemsize

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise CacheError(f"cache {self.path}: {_advice(error, self.path.parent, self._what)}") from error


def _row(key: str, vector: bytes) -> bytes:
    """A vector and its checksum; the key is in that, so that no vector is taken for another's."""
    return vector + zlib.crc32(vector, zlib.crc32(key.encode())).to_bytes(_CHECKSUM_BYTES, "little")


def _advice(error: Exception, folder: Path, what: str) -> str:
    text = str(error)
    if "full" in text or "No space" in text or ("I/O" in text and _free(folder) < _ROOM):
        return "the disk is full; free some space, or put the cache elsewhere with --cache DIR"
    if any(sign in text for sign in _DAMAGE):
        return f"the file is damaged ({text}); remove it, and its {what} are computed anew"
    return f"{text}; check that the folder can be written to, or choose another with --cache DIR"


def _free(folder: Path) -> int:
    """Bytes that are left on the folder's disk."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(itertools.islice(remaining, _KEYS_A_QUERY)):
        yield batch
