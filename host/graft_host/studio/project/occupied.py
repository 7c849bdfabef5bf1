"""Notices that another studio has the same folder open, which is allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from graft_device.system.locks import lock_file
from graft_host.studio.project.folder import WORK, Project


@contextlib.contextmanager
def occupied(project: Project) -> Iterator[bool]:
    """Marks a project as open until the end of the block.

    Yields:
        Whether it was open already; False where that cannot be seen.
    """
    try:
        file = lock_file(project.inside(f"{WORK}/open.lock"))
    except OSError:  # such as a file system without locks
        yield False
        return
    with file or contextlib.nullcontext():
        yield file is None
