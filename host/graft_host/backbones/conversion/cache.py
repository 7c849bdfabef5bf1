"""Caches converted networks, each named by its SHA-256, with a record of the photos that calibrated it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import CacheError, os_reason
from graft_device.system.durable import remove_stale, write_atomically
from graft_device.system.plain import read_plain

_TARGETS = re.compile(r"[0-9a-f]{50}|[0-9a-f]{32}-[0-9a-f]{16}\.")
"""The first 50 characters of the names of networks and of records."""


@dataclass(frozen=True)
class CachedNetwork:
    """An intact network in the cache.

    Attributes:
        path: the file.
        fingerprint: its SHA-256 in hex.
        calibration: digests of the photos that its ranges were measured on; empty for float networks.
    """

    path: Path
    fingerprint: str
    calibration: tuple[str, ...]


class BackboneCache:
    """Converted networks by key.

    Args:
        cache: the folder of caches.

    Raises:
        CacheError: from every method that writes, when the folder cannot be written to.
    """

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "backbones"
        with self._errors():
            self._folder.mkdir(parents=True, exist_ok=True)
        remove_stale(self._folder, _TARGETS)

    def find(self, key: str, training: Iterable[str]) -> CachedNetwork | None:
        """The newest intact network of a key whose calibration photos are all among the training photos."""
        trained_on = set(training)
        for record in sorted(self._folder.glob(f"{key}-*.json"), key=_modified, reverse=True):
            try:
                values = json.loads(read_plain(record))
                fingerprint, calibration = str(values["fingerprint"]), tuple(values["calibration"])
                path = self._folder / f"{fingerprint}.tflite"
                if trained_on.issuperset(calibration) and _sha256(path) == fingerprint:
                    return CachedNetwork(path, fingerprint, calibration)
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue  # damaged or half removed, so not usable
        return None

    def store(self, key: str, data: bytes, calibration: Sequence[str]) -> CachedNetwork:
        """Stores a network under a key, in place of one that was calibrated on the same photos."""
        fingerprint = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{fingerprint}.tflite"
        with self._errors():
            write_atomically(path, data)
        return self.note(key, CachedNetwork(path, fingerprint, tuple(calibration)))

    def note(self, key: str, network: CachedNetwork) -> CachedNetwork:
        """Makes a stored network the newest of its key."""
        record = {"fingerprint": network.fingerprint, "calibration": list(network.calibration)}
        photos = hashlib.sha256("".join(network.calibration).encode()).hexdigest()[:16]
        with self._errors():
            # The record is written last: a network without a record was interrupted and is not used.
            write_atomically(self._folder / f"{key}-{photos}.json", json.dumps(record).encode())
        return network

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CacheError(
                f"cannot write into {self._folder}: {os_reason(error)}",
                "fix that, or choose another folder with --cache DIR",
            ) from error


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # removed meanwhile


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_plain(path)).hexdigest()
