"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_STALE_SECONDS = 24 * 3600
_NAME_CHARACTERS = 50  # up to four bytes each, and a file name has room for 255


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary file beside the target, which replaces it when the block ends without an error.

    The contents are on the disk before the name is: a crash at any moment leaves the old file or the new one.

    Raises:
        OSError: the folder is missing, not writable or full.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:_NAME_CHARACTERS]}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(target: Path, data: bytes) -> None:
    """Writes a whole file; see ``atomic_path``."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def remove_stale(folder: Path) -> None:
    """Removes temporary files that a crash left a day ago or earlier."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    # The new file is in place by now: a folder that can't be opened or synced is no reason to report a failure.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
