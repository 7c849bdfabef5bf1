"""Keeps results of earlier runs in the cache, so that a run in which nothing changed does not compute them again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import tempfile
from collections.abc import Callable, Collection
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import graft_device
from graft_device.system.durable import remove_stale
from graft_device.system.plain import read_plain
from graft_host.support.kept.plain_data import digest_of, from_json, to_json

Result = TypeVar("Result")

_MOST_FILES, _MOST_BYTES = 256, 64 << 20
"""How much the folder keeps; what was used longest ago is removed first."""

_DIGEST_BYTES = 64
_NAME = re.compile(r"[a-z-]+-[0-9a-f]{32}\.json")
_TARGETS = re.compile(r"[a-z-]+-[0-9a-f]*")
_PACKAGES = ("numpy", "scipy", "pillow", "ai-edge-litert", "tflite-runtime")
_HOST_CODE = (
    "backbones", "evaluation", "fine_tuning", "heads", "networks", "photos", "prospects", "samples", "support",
    "training",
)  # fmt: skip
_DEVICE_CODE = "classifier.py", "model", "preprocess", "ranking.py", "runtime.py", "store"


class ResultCache:
    """Results by what they were computed from. A result that cannot be read or written is only computed again.

    Args:
        cache: the folder of caches.
    """

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "results"

    def recall(
        self,
        kind: str,
        inputs: Collection[object],
        classes: Collection[type[Any]],
        compute: Callable[[], Result],
        lasting: Callable[[], bool] = lambda: True,
    ) -> Result:
        """Returns the result of an earlier run with the same inputs, or computes and keeps it.

        A result of other code or of other versions of the packages that it is computed with is not used.

        Args:
            kind: a name for what is computed, in small letters.
            inputs: everything that the result depends on, as ``digest_of`` takes it.
            classes: the dataclasses that the result consists of.
            compute: computes the result; what it raises is raised, and nothing is kept.
            lasting: called after ``compute``; returns whether the inputs still are what they were before.
        """
        path = self._folder / f"{kind}-{digest_of(code(), *inputs)[:32]}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            result: Result = from_json(_checked(read_plain(path)), classes)
            os.utime(path)  # used now
            return result
        result = compute()
        if not lasting():
            return result
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            data = to_json(result).encode()
            self._write(path, hashlib.sha256(data).hexdigest().encode() + data)
            self._prune(path)
        return result

    def _write(self, path: Path, data: bytes) -> None:
        """Writes a file without waiting for the disk: a checksum shows what a power cut has damaged."""
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _prune(self, newest: Path) -> None:
        """Removes the files beyond the limits, and what interrupted runs left."""
        remove_stale(self._folder, _TARGETS)
        entries = []
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name) and path != newest:
                with contextlib.suppress(FileNotFoundError):  # another run may prune, too
                    status = path.lstat()
                    entries.append((status.st_mtime_ns, status.st_size, path))
        files, size = 1, newest.stat().st_size
        for _, length, path in sorted(entries, reverse=True):
            files, size = files + 1, size + length
            if files > _MOST_FILES or size > _MOST_BYTES:
                path.unlink(missing_ok=True)


@functools.cache
def code() -> str:
    """The digest of the code that results come from: graftkit's sources, packages, Python and the machine's type."""
    host, device = Path(__file__).parents[2], Path(graft_device.__file__).parent
    rooms = [host / name for name in _HOST_CODE] + [device / name for name in _DEVICE_CODE]
    files = [path for room in rooms for path in (sorted(room.rglob("*.py")) if room.is_dir() else [room])]
    sources = [
        (os.fspath(path.relative_to(host if host in path.parents else device)), path.read_bytes()) for path in files
    ]
    versions = [graft_device.__version__, platform.python_version(), platform.machine(), *map(_version, _PACKAGES)]
    return digest_of(versions, sources)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _checked(data: bytes) -> str:
    """The text in a file whose checksum is right; raises ValueError if it is not."""
    text = data[_DIGEST_BYTES:]
    if hashlib.sha256(text).hexdigest().encode() != data[:_DIGEST_BYTES]:
        raise ValueError("damaged")
    return text.decode()
