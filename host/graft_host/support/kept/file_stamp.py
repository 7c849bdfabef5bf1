"""Recognizes a file that has not changed, without reading it."""

from __future__ import annotations

import stat
import time
from pathlib import Path

_SETTLED = 3_000_000_000
"""Nanoseconds without a change after which a stamp is given. Some file systems keep times in steps of 2 seconds, so a
file that changed twice within a step would have the same stamp with another content."""


def settled_stamp(path: Path) -> str | None:
    """Names a file's present content by device, inode, size, and the times at which content and status changed.

    A program can set the first of these times, as ``cp -p`` does, but not the second: the system sets that itself at
    every change.

    Returns:
        The stamp; None if the path leads to no plain file, or if the file changed in the last 3 seconds.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < _SETTLED:
        return None
    parts = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return f"{path.absolute()} {' '.join(map(str, parts))}"
