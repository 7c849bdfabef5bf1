"""Caches bottlenecks in one SQLite file per backbone and resize rule.

SQLite gives what a cache of long work needs: a batch is stored whole or not at all, whatever kills the process,
and several runs may read and write at once. It does not notice bytes that change on the disk, so each vector is
followed by a checksum of the key and the vector. A row without a checksum, as earlier versions wrote them, has another
length and counts as absent.
"""

from __future__ import annotations

import contextlib
import errno
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

from graft_device.errors import CacheError, why
from graft_device.system.locks import NoLocksError, check_locks
from graft_device.system.plain import check_plain_if_there

_BUSY_SECONDS = 60
_KEYS_A_QUERY = 500
_ROOM = 1 << 20  # bytes; SQLite's shared memory file needs 32 KiB, and gives an I/O error where there is less
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

# SQLite's primary result codes, from sqlite.org/rescode.html; the sqlite3 module has them from Python 3.11 on.
_ERROR, _BUSY, _LOCKED, _IOERR, _CORRUPT, _FULL, _NOTADB = 1, 5, 6, 10, 11, 13, 26
_DAMAGE = (_ERROR, _CORRUPT, _NOTADB)  # our statements are right: a general error means a table that is not ours

_CODES = {
    "is locked": _BUSY,
    "is full": _FULL,
    "disk I/O error": _IOERR,
    "malformed": _CORRUPT,
    "not a database": _NOTADB,
    "no such": _ERROR,
    "ould not decode": _ERROR,
}
"""Texts of SQLite and of the sqlite3 module for errors without a code: all before Python 3.11, and after it a column
that is not UTF-8."""

_CHECKSUM_BYTES = 4
_SUFFIXES = ("", "-wal", "-shm", "-journal")  # of the files that SQLite opens
_RESIDUE = 0x2144DF1C  # the CRC-32 of whatever is followed by its own CRC-32


class BottleneckStore:
    """Vectors by key; a context manager. Every method raises CacheError if the file cannot be read or written.

    Args:
        path: the SQLite file; it and its folder are created if missing.
        dtype: the dtype of the vectors, which are stored little-endian.
        length: D, the number of elements of a vector.
        what: what to call the vectors in messages.

    Attributes:
        damaged: the keys whose stored vector failed its checksum.

    Raises:
        CacheError: the file cannot be opened.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.generic], length: int, what: str = "bottlenecks") -> None:
        self.path = path
        self.damaged: set[str] = set()
        self._what = what
        self._dtype = dtype.newbyteorder("<")
        self._length = length
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            check_locks(path.parent)
            check_plain_if_there(*(path.with_name(f"{path.name}{suffix}") for suffix in _SUFFIXES))
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
        """The keys that are stored with an undamaged vector."""
        stored: set[str] = set()
        with self._errors():
            for batch in _batches(keys):
                stored.update(key for key, _ in self._intact(batch))
        return stored

    def put(self, rows: Sequence[tuple[str, NDArray[np.generic]]]) -> None:
        """Stores all of the vectors, or none of them if this process dies meanwhile."""
        with self._errors(), self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO bottlenecks VALUES (?, ?)",
                ((key, _row(key, vector.astype(self._dtype, copy=False).tobytes())) for key, vector in rows),
            )

    def matrix(self, keys: Sequence[str]) -> NDArray[np.generic]:
        """The vectors of stored keys, ``[N,D]`` in the order given."""
        result = np.empty((len(keys), self._length), self._dtype)
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        with self._errors():
            for batch in _batches(list(places)):  # places shrinks meanwhile
                for key, row in self._intact(batch):
                    result[places.pop(key)] = np.frombuffer(row, self._dtype, self._length)
        if places:
            raise CacheError(f"{self.path} lost {len(places)} {self._what} while it was read", "run the command again")
        return result

    def _intact(self, keys: list[str]) -> Iterator[tuple[str, bytes]]:
        """The rows whose checksum is right."""
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
                if _code(error) not in {_BUSY, _LOCKED} or time.monotonic() > deadline:
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
            what, remedy = _explained(error, self.path.parent, self._what)
            raise CacheError(f"cache {self.path}: {what}", remedy) from error


def _row(key: str, vector: bytes) -> bytes:
    """A vector followed by the checksum of key and vector, so that no vector is taken for that of another key."""
    return vector + zlib.crc32(vector, zlib.crc32(key.encode())).to_bytes(_CHECKSUM_BYTES, "little")


def _explained(error: Exception, folder: Path, vectors: str) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    code = _code(error)
    full = code == _FULL or (isinstance(error, OSError) and error.errno in _NO_ROOM)
    if isinstance(error, NoLocksError):
        return why(error), "name a folder on another one with --cache DIR"
    if full or (code == _IOERR and _free(folder) < _ROOM):
        return "the disk is full", "free some space, or put the cache elsewhere with --cache DIR"
    if code in _DAMAGE or isinstance(error, UnicodeDecodeError):
        return f"the file is damaged ({error})", f"remove it, and its {vectors} are computed again"
    return why(error), "check that the folder can be written to, or choose another one with --cache DIR"


def _code(error: Exception) -> int | None:
    """SQLite's primary result code; None for an error that is not SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return None
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    if extended is not None:
        return extended & 0xFF
    return next((code for text, code in _CODES.items() if text in str(error)), None)


def _free(folder: Path) -> int:
    """The free bytes on the folder's disk."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(itertools.islice(remaining, _KEYS_A_QUERY)):
        yield batch
