"""The jobs of a project as they are on the disk, read again where something has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graft_host.studio.jobs.files import DamagedJobError, JobFiles, Stamp
from graft_host.studio.jobs.folders import create, folders_of_jobs, remove, remove_litter
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.project.signal import Signal

_MOST_ENDED = 200
"""Of the jobs that have ended, the newest are kept."""

_FINAL = ENDED - {"cancelled"}
"""A queued job that was cancelled may just have begun elsewhere."""


@dataclass(frozen=True)
class _Seen:
    stamp: Stamp
    job: Job | None  # None if it is damaged


class Shelf:
    """All jobs of a project; its methods may be called from several threads.

    Attributes:
        changed: emitted after each change.
        folder: of the folders of jobs.
    """

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        """Reads the jobs.

        Args:
            folder: of the folders of jobs.
            note: called with a line about each job that is damaged.
        """
        self.changed = Signal()
        self.folder = folder
        self._note = note
        self._guard = threading.RLock()
        self._seen: dict[str, _Seen] = {}
        self._unwritten: dict[str, Job] = {}
        self._all: tuple[Job, ...] = ()
        remove_litter(folder)
        self.refresh()

    def all(self) -> tuple[Job, ...]:
        """All jobs, the newest first."""
        return self._all

    def files(self, job_id: str) -> JobFiles:
        """The files of a job."""
        return JobFiles(self.folder / job_id)

    def add(self, job: Job) -> Job:
        """Adds a job with an id of its own, and forgets the oldest; raises OSError."""
        added = create(self.folder, job)
        self.refresh()
        for old in [job for job in self._all if job.state in ENDED][_MOST_ENDED:]:
            self.remove(old.id)
        return added

    def remove(self, job_id: str) -> None:
        """Forgets a job; raises OSError."""
        remove(self.files(job_id))
        self._unwritten.pop(job_id, None)
        self.refresh()

    def write(self, job: Job) -> None:
        """Writes a job; where that fails, such as on a full disk, the studio still knows how it ended."""
        try:
            self.files(job.id).write(job)
            self._unwritten.pop(job.id, None)
        except OSError:
            self._unwritten[job.id] = job
        self.refresh(forced=True)

    def refresh(self, *, forced: bool = False) -> None:
        """Reads what has changed, such as by another studio.

        Args:
            forced: whether a change is announced even if the disk shows none.
        """
        with self._guard:
            before = self._seen
            try:
                found = [*folders_of_jobs(self.folder)]
            except OSError:
                return
            self._seen = {files.folder.name: self._look(files, before.get(files.folder.name)) for files in found}
            changed = forced or self._seen != before
            if changed:
                jobs = [self._unwritten.get(seen.job.id, seen.job) for seen in self._seen.values() if seen.job]
                self._all = tuple(reversed(jobs))
        if changed:
            self.changed.emit()

    def _look(self, files: JobFiles, before: _Seen | None) -> _Seen:
        if before is not None and before.stamp[0] is not None and (before.job is None or before.job.state in _FINAL):
            return before  # it does not change any more
        stamp = files.stamp()
        if before is not None and before.stamp == stamp:
            return before
        try:
            return _Seen(stamp, files.read())
        except (OSError, DamagedJobError):
            if stamp[0] is not None and before is None:
                self._note(f"job {files.folder.name} is skipped: {files.folder / 'job.json'} is damaged")
            return _Seen(stamp, None)
