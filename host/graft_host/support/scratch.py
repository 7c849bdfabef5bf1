"""Makes temporary folders for a run, and removes those that killed runs left a day ago."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import ExportError, os_reason

_PREFIX = "graft-scratch-"
_OURS = re.compile(r"graft-scratch-[a-z0-9_]{8}")
_PLAIN = re.compile(r"graft-[a-z0-9_]{8}")  # a folder of the user may have such a name too
_CONTENTS = {"photos.npy", "backbone.tflite", "candidate.tflite"}
_STALE_SECONDS = 24 * 3600
_REMEDY = "free some space there, or choose another folder in $TMPDIR"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, locked during the block and removed after it; raises ExportError if it cannot be made."""
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX)))
            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
        except OSError as error:
            raise ExportError(f"cannot make a temporary folder: {os_reason(error)}", _REMEDY) from error
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder


def write_scratch(path: Path, data: bytes) -> None:
    """Writes a file into a temporary folder; raises ExportError if that fails."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ExportError(
            f"cannot write {len(data) / 1e6:.1f} MB into {path.parent.parent}: {os_reason(error)}", _REMEDY
        ) from error


def remove_stale_scratch() -> None:
    """Removes temporary folders that killed runs of this user left a day ago; skips what it cannot remove."""
    with contextlib.suppress(OSError):
        parent = Path(tempfile.gettempdir())
        for name in os.listdir(parent):  # noqa: PTH208  names are all that is needed
            if _OURS.fullmatch(name) or _PLAIN.fullmatch(name):
                with contextlib.suppress(OSError):
                    _remove_if_stale(parent / name)


def _remove_if_stale(folder: Path) -> None:
    """Checks and removes a folder through one open handle, since others may move things in its parent folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            return
        if time.time() - status.st_mtime < _STALE_SECONDS:
            return
        if not _OURS.fullmatch(folder.name) and not _CONTENTS.issuperset(os.listdir(handle)):  # noqa: PTH208
            return
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where a run still uses it
        for _, folders, files, inside in os.fwalk(".", topdown=False, dir_fd=handle):  # which follows no links
            for name in files:
                os.unlink(name, dir_fd=inside)
            for name in folders:
                os.rmdir(name, dir_fd=inside)
        folder.rmdir()
    finally:
        os.close(handle)
