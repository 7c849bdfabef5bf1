"""The jobs of a project: queued, run one after another in processes of their own, and kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from graft_device.errors import os_reason
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.jobs.lane import Lane, Place
from graft_host.studio.jobs.shelf import Shelf
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import WORK, Project
from graft_host.studio.tasks import task
from graft_host.studio.tasks.registry import TASKS, Registry

_LOOK_S = 0.5


class Jobs:
    """The jobs of a project; a context manager. Its methods may be called from several threads, and return at once.

    Several studios may have the same folder open: each shows all jobs, and each job runs in one of them.

    Attributes:
        changed: emitted after each change of a job, at most a few times a second.
    """

    def __init__(
        self,
        project: Project,
        cache: Path | None,
        *,
        tasks: Registry = TASKS,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Reads the jobs that there are; they run once the queue is entered.

        Args:
            project: the folder of the studio; jobs are kept in it.
            cache: the folder of backbones and bottlenecks; the usual one if None.
            tasks: what jobs there are.
            note: called with a line about each job that is damaged, and where the file system has no locks.

        Raises:
            StudioError: the folder of jobs cannot be made.
        """
        folder = project.inside(f"{WORK}/jobs")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudioError(f"cannot make {folder}: {os_reason(error)}", "see who may write there") from error
        self._project = project
        self._tasks = tasks
        self._shelf = Shelf(folder, note)
        self.changed = self._shelf.changed
        place = Place(project.root, cache)
        self._lanes = [Lane(name, self._shelf, tasks, place, note) for name in get_args(task.Lane)]
        self._adding = threading.Lock()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="jobs", daemon=True)

    def __enter__(self) -> Jobs:
        for lane in self._lanes:
            lane.start()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the running jobs; they are queued again when the project is opened next."""
        self._closing.set()
        for lane in self._lanes:
            lane.close()
        for lane in self._lanes:
            lane.join()
        self._watcher.join()

    def add(self, kind: str, arguments: Mapping[str, Any], title: str) -> Job:
        """Queues a job.

        Raises:
            GraftError: there is no such task, it does not take the arguments, or another job makes the same ``output``.
        """
        found = self._tasks.task(kind)
        plain: dict[str, Any] = json.loads(json.dumps(dict(arguments)))
        found.check(self._project, plain)
        command = found.command(plain)
        job = Job(
            id="", kind=kind, title=title, arguments=plain, command=command, state="queued", created=time.time(),
            lane=found.lane,
        )  # fmt: skip
        with self._adding:
            self._check_output(plain.get("output"))
            try:
                added = self._shelf.add(job)
            except OSError as error:
                raise StudioError(f"cannot queue the job: {os_reason(error)}", "free some space on the disk") from error
        for lane in self._lanes:
            lane.wake()
        return added

    def _check_output(self, output: object) -> None:
        active = (job for job in self.all() if job.state not in ENDED)
        if output is not None and any(job.arguments.get("output") == output for job in active):
            raise StudioError(f"another job makes {output} already", "give another name, or wait for it")

    def all(self) -> tuple[Job, ...]:
        """All jobs, the newest first."""
        return self._shelf.all()

    def get(self, job_id: str) -> Job | None:
        """A job; None if there is none with this id."""
        return next((job for job in self.all() if job.id == job_id), None)

    def newest(self, kind: str) -> Job | None:
        """The newest job of a kind; None if there is none."""
        return next((job for job in self.all() if job.kind == kind), None)

    def newest_done(self, kind: str) -> Job | None:
        """The newest job of a kind that is done; None if there is none."""
        return next((job for job in self.all() if job.kind == kind and job.state == "done"), None)

    def cancel(self, job_id: str) -> None:
        """Cancels a job that is queued or running; does nothing to one that has ended. Raises StudioError."""
        job = self.get(job_id)
        if job is None or job.state in ENDED:
            return
        try:
            self._shelf.files(job_id).ask_to_end()
        except OSError as error:
            raise StudioError(f"cannot cancel the job: {os_reason(error)}", "free some space on the disk") from error
        self._shelf.refresh()

    def remove(self, job_id: str) -> None:
        """Forgets a job that has ended, not the files that it made. Raises StudioError."""
        job = self.get(job_id)
        if job is None or job.state not in ENDED:
            return
        try:
            self._shelf.remove(job_id)
        except OSError as error:
            raise StudioError(f"cannot remove the job: {os_reason(error)}", "see who may write there") from error

    def _watch(self) -> None:
        """Sees what another studio does."""
        while not self._closing.wait(_LOOK_S):
            self._shelf.refresh()
