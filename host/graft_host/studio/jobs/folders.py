"""The folders of all jobs: found, made in one step, and removed."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from graft_host.studio.jobs.files import JobFiles
from graft_host.studio.jobs.job import Job

_ID = re.compile(r"\d{13,20}")

_STALE_S = 3600
"""A folder that is this old is not being made or removed by another studio at this moment."""


def folders_of_jobs(parent: Path) -> Iterator[JobFiles]:
    """The folders of all jobs, the oldest first; raises OSError."""
    if parent.is_dir():
        names = [path for path in parent.iterdir() if _ID.fullmatch(path.name) and not path.is_symlink()]
        yield from (JobFiles(path) for path in sorted(names, key=lambda path: int(path.name)))


def create(parent: Path, job: Job) -> Job:
    """Makes the folder of a new job, in one step, with an id that is greater than those of all others.

    Args:
        parent: the folder of the folders of jobs.
        job: whose id is not used.

    Raises:
        OSError: it cannot be written.
    """
    parent.mkdir(exist_ok=True)
    new = parent / f".new-{time.time_ns()}"
    try:
        new.mkdir()
        JobFiles(new).write(job)
        last = max((int(files.folder.name) for files in folders_of_jobs(parent)), default=0)
        number = max(int(job.created * 1000), last + 1)
        while True:
            with contextlib.suppress(FileExistsError):  # another studio has just taken the number
                named = replace(job, id=f"{number:013d}")
                (parent / named.id).mkdir()
                new.replace(parent / named.id)  # an empty folder may be replaced
                return named
            number += 1
    finally:
        shutil.rmtree(new, ignore_errors=True)


def remove(files: JobFiles) -> None:
    """Removes the folder of a job; raises OSError."""
    gone = files.folder.with_name(f".gone-{files.folder.name}")
    with contextlib.suppress(FileNotFoundError):  # another studio was quicker
        files.folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


def remove_litter(parent: Path) -> None:
    """Removes what a crash left an hour ago or earlier."""
    for pattern in (".new-*", ".gone-*"):
        for path in parent.glob(pattern):
            with contextlib.suppress(OSError):
                if not path.is_symlink() and time.time() - path.stat().st_mtime > _STALE_S:
                    shutil.rmtree(path)
