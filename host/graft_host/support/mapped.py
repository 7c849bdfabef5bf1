"""Maps parts of a file into memory, so that nothing is copied, and only what is used is read."""

from __future__ import annotations

import mmap
import os
from typing import BinaryIO


def mapped(file: BinaryIO, start: int = 0, size: int | None = None) -> memoryview:
    """A part of a file: a view of the file itself, or a copy where the file system cannot map files.

    The file may be closed, but must not become shorter while the view is used.

    Args:
        file: an open file.
        start: where the part starts, in bytes.
        size: the number of bytes; None for all that follow.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file ends before the part does.
    """
    rest = os.fstat(file.fileno()).st_size - start
    size = rest if size is None else size
    if size > rest:
        raise ValueError(f"the file ends {size - rest} bytes too early")
    if not size:  # nothing cannot be mapped
        return memoryview(b"")
    before = start % mmap.ALLOCATIONGRANULARITY
    try:
        pages = mmap.mmap(file.fileno(), before + size, access=mmap.ACCESS_READ, offset=start - before)
    except OSError:
        file.seek(start)
        return memoryview(file.read(size))
    return memoryview(pages)[before:]
