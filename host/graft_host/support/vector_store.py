"""Caches bottlenecks in one SQLite file per backbone and resize rule.

SQLite gives what a cache of long work needs: a batch is stored whole or not at all, whatever kills the process,
and several runs may read and write at once. It does not notice bytes that change on the disk, so each vector is
followed by a checksum of the key and the vector. A row without a checksum, as earlier versions wrote them, has another
length and counts as absent. A file that SQLite itself finds damaged is put aside, and what can be read of it is
moved to a new one.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import CacheError
from graft_device.system.locks import check_locks
from graft_device.system.plain import check_plain_if_there
from graft_host.support.sqlite_errors import BUSY, LOCKED, TROUBLE, explained, is_damage, sqlite_code

Result = TypeVar("Result")

_BUSY_SECONDS = 60
_KEYS_A_QUERY = 500
_SELECT = "SELECT key, vector FROM bottlenecks"
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
        put_aside: the new name of a damaged file that was put aside; None if there was none.

    Raises:
        CacheError: the file cannot be opened.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.generic], length: int, what: str = "bottlenecks") -> None:
        self.path = path
        self.damaged: set[str] = set()
        self.put_aside: Path | None = None
        self._what = what
        self._dtype = dtype.newbyteorder("<")
        self._length = length
        self._stored: set[str] = set()  # keys that were known or put, to be saved from a damaged file
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            check_locks(path.parent)
            check_plain_if_there(*_files(path))
            try:
                self._db = _opened(path)
            except TROUBLE as error:
                if not is_damage(error, path):
                    raise
                self.put_aside = _put_aside(path)
                self._db = _opened(path)
            self._file = _identity(path)

    def __enter__(self) -> BottleneckStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def known(self, keys: Iterable[str]) -> set[str]:
        """The keys that are stored with an undamaged vector."""
        asked = list(keys)
        stored = self._in_sound_file(lambda: {key for batch in _batches(asked) for key, _ in self._intact(batch)})
        self._stored |= stored
        return stored

    def put(self, rows: Sequence[tuple[str, NDArray[np.generic]]]) -> None:
        """Stores all of the vectors, or none of them if this process dies meanwhile."""
        packed = [(key, _row(key, vector.astype(self._dtype, copy=False).tobytes())) for key, vector in rows]
        self._in_sound_file(lambda: self._insert(packed))
        self._stored.update(key for key, _ in rows)

    def matrix(self, keys: Sequence[str]) -> NDArray[np.generic]:
        """The vectors of stored keys, ``[N,D]`` in the order given."""
        result = np.empty((len(keys), self._length), self._dtype)
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        read = self._in_sound_file(lambda: self._read(places, result))
        if lost := len(places) - read:
            raise CacheError(f"{self.path} lost {lost} {self._what} while it was read", "run the command again")
        return result

    def _read(self, places: dict[str, list[int]], result: NDArray[np.generic]) -> int:
        """Copies vectors to their places in the result; returns how many different ones there were."""
        seen = set()
        for batch in _batches(places):
            for key, row in self._intact(batch):
                result[places[key]] = np.frombuffer(row, self._dtype, self._length)
                seen.add(key)  # a damaged file may give a row twice
        self._check_found((places.keys() - seen - self.damaged) & self._stored)
        return len(seen)

    def _insert(self, rows: list[tuple[str, bytes]]) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO bottlenecks VALUES (?, ?)", rows)
        for batch in _batches(key for key, _ in rows):
            self._check_found(set(batch) - {key for key, _ in self._intact(batch)})

    def _check_found(self, lost: Collection[str]) -> None:
        """Raises an error of damage if rows that were stored are not found: the file's order is wrong."""
        if lost:
            raise sqlite3.DatabaseError(f"malformed: {len(lost)} rows that were stored are not found")

    def _in_sound_file(self, work: Callable[[], Result]) -> Result:
        """Does some work, and if the file turns out to be damaged, once more in a new one."""
        with self._errors():
            try:
                return work()
            except TROUBLE as error:
                if not is_damage(error, self.path):
                    raise
            self._start_again()
            return work()

    def _start_again(self) -> None:
        """Puts the file aside and moves to a new one what can still be read, unless another run has done so."""
        self._db.close()
        aside = _put_aside(self.path) if self._file == _identity(self.path) else None
        self.put_aside = aside or self.put_aside
        self._db = _opened(self.path)
        self._file = _identity(self.path)
        wanted, self._stored = self._stored, set()
        if aside is not None and wanted:
            saved = dict(self._saved(aside, wanted))
            self._insert(list(saved.items()))
            self._stored = set(saved)

    def _saved(self, aside: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
        """The wanted rows of a damaged file that can still be read: in its own order, and one by one."""
        with contextlib.suppress(*TROUBLE), contextlib.closing(sqlite3.connect(aside)) as old:
            with contextlib.suppress(*TROUBLE):
                yield from ((key, row) for key, row in self._sound(old.execute(_SELECT)) if key in wanted)
            for key in sorted(wanted):
                with contextlib.suppress(*TROUBLE):
                    yield from self._sound(old.execute(f"{_SELECT} WHERE key = ?", [key]))

    def _intact(self, keys: list[str]) -> Iterator[tuple[str, bytes]]:
        """The rows of these keys whose checksum is right."""
        marks = ",".join("?" * len(keys))
        return self._sound(self._db.execute(f"{_SELECT} WHERE key IN ({marks})", keys))

    def _sound(self, rows: Iterable[tuple[object, object]]) -> Iterator[tuple[str, bytes]]:
        """The rows of the right types and length whose checksum is right; notes keys whose checksum is wrong."""
        crc, length = zlib.crc32, self._bytes + _CHECKSUM_BYTES
        for key, vector in rows:
            if not isinstance(key, str) or not isinstance(vector, bytes) or len(vector) != length:
                continue
            if crc(vector, crc(key.encode())) == _RESIDUE:
                yield key, vector
            else:
                self.damaged.add(key)

    @property
    def _bytes(self) -> int:
        return self._length * self._dtype.itemsize

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except TROUBLE as error:
            what, remedy = explained(error, self.path.parent, self._what)
            raise CacheError(f"cache {self.path}: {what}", remedy) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Opens a file, and creates its table if it is new."""
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite doesn't wait for another run that is switching to WAL at the same moment.
            if sqlite_code(error) not in {BUSY, LOCKED} or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE IF NOT EXISTS bottlenecks (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
    db.execute("SELECT key, vector FROM bottlenecks LIMIT 0")  # fails if the table is another program's
    db.commit()


def _put_aside(path: Path) -> Path:
    """Gives a damaged file, and what SQLite keeps beside it, a dated name; an earlier one is removed."""
    for earlier in path.parent.glob(f"{glob.escape(path.name)}.damaged-*"):
        earlier.unlink()
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").rename(aside.with_name(f"{aside.name}{suffix}"))
    return aside


def _files(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{suffix}") for suffix in _SUFFIXES]


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _row(key: str, vector: bytes) -> bytes:
    """A vector followed by the checksum of key and vector, so that no vector is taken for that of another key."""
    return vector + zlib.crc32(vector, zlib.crc32(key.encode())).to_bytes(_CHECKSUM_BYTES, "little")


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(itertools.islice(remaining, _KEYS_A_QUERY)):
        yield batch
