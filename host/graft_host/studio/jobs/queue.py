"""The jobs of a project: queued, run one after another in processes of their own, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.studio.jobs.job import Job
from graft_host.studio.project.folder import Project
from graft_host.studio.project.signal import Signal


class Jobs:
    """The jobs of a project; a context manager. Its methods may be called from several threads, and return at once.

    Attributes:
        changed: emitted after each change of a job, at most a few times a second.
    """

    def __init__(self, project: Project, cache: Path | None) -> None:
        """Reads the jobs that there are; they run once the queue is entered."""
        self.changed = Signal()
        self._project = project
        self._cache = cache

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the running jobs; they are queued again when the project is opened next."""

    def add(self, kind: str, arguments: Mapping[str, Any], title: str) -> Job:
        """Queues a job; raises StudioError if there is no such task, or it does not take the arguments."""
        raise NotImplementedError(kind, arguments, title)

    def all(self) -> tuple[Job, ...]:
        """All jobs, the newest first."""
        return ()

    def get(self, job_id: str) -> Job | None:
        """A job; None if there is none with this id."""
        return next((job for job in self.all() if job.id == job_id), None)

    def newest(self, kind: str, *, done: bool = False) -> Job | None:
        """The newest job of a kind; with ``done``, the newest that is done."""
        jobs = (job for job in self.all() if job.kind == kind)
        return next((job for job in jobs if not done or job.state == "done"), None)

    def cancel(self, job_id: str) -> None:
        """Cancels a job that is queued or running; does nothing to one that has ended."""

    def remove(self, job_id: str) -> None:
        """Forgets a job that has ended, not the files that it made."""
