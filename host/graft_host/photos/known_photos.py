"""Keeps what reading a photo's file reveals, so that files that have not changed are not read again."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from functools import cache as computed_once
from pathlib import Path
from typing import NamedTuple

import numpy as np

import graft_device.preprocess
from graft_host.support.kept.file_stamp import settled_stamp
from graft_host.support.vector_store import BottleneckStore

_FORMAT = struct.Struct("<32sII?")


class PhotoFacts(NamedTuple):
    """What the file of a photo that can be used reveals.

    Attributes:
        digest: SHA-256 of the content, in hex.
        width: in pixels, as stored.
        height: in pixels, as stored.
        unusual: whether it is read by a rule that ordinary photos do not need.
    """

    digest: str
    width: int
    height: int
    unusual: bool


class KnownPhotos:
    """The facts of files by their stamps; a context manager.

    Only facts of photos that could be used are kept. A file is read again if it changed, or if another version of
    graftkit's rules for photos kept its facts.

    Args:
        cache: the folder of caches.

    Raises:
        CacheError: the cache cannot be used, as also from the methods.
    """

    def __init__(self, cache: Path) -> None:
        path = cache / "known-photos" / f"v1-{_rules()}.sqlite"
        self._store = BottleneckStore(path, np.dtype(np.uint8), _FORMAT.size, "photos")

    def __enter__(self) -> KnownPhotos:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__(None, None, None)

    def find(self, keys: Iterable[str | None]) -> dict[str, PhotoFacts]:
        """The facts that are kept under these keys."""
        known = sorted(self._store.known(key for key in keys if key is not None))
        return dict(zip(known, map(_facts, self._store.matrix(known)), strict=True))

    def keep(self, facts: Sequence[tuple[str, PhotoFacts]]) -> None:
        """Keeps facts by key."""
        if facts:
            self._store.put([(key, _row(entry)) for key, entry in facts])


def key_of(path: Path) -> str | None:
    """The key of a file's facts; None if the file must be read, because it changed just now or cannot be read."""
    stamp = settled_stamp(path)
    return None if stamp is None else hashlib.sha256(stamp.encode("utf-8", "surrogateescape")).hexdigest()


def _row(facts: PhotoFacts) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(_FORMAT.pack(bytes.fromhex(facts.digest), *facts[1:]), np.uint8)


def _facts(row: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> PhotoFacts:
    digest, width, height, unusual = _FORMAT.unpack(row.tobytes())
    return PhotoFacts(digest.hex(), width, height, unusual)


@computed_once
def _rules() -> str:
    """The digest of the code that decides which files can be used, and how they are read."""
    sources = sorted(Path(graft_device.preprocess.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
