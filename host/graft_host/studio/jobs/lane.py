"""Runs the jobs of a lane one after another, in one studio at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError
from graft_device.system.locks import NoLocksError, lock_file
from graft_host.studio.jobs.job import Job, JobError
from graft_host.studio.jobs.running import Outcome, run_job, system_error
from graft_host.studio.jobs.shelf import Shelf
from graft_host.studio.tasks.registry import Registry

_LOOK_S = 0.4
"""Between two looks at what another studio has queued."""

_STALE = JobError(
    what="the studio was ended before this was done, too long ago to do it unasked", remedy="ask for it again"
)

WITHOUT_LOCKS = "warning: this file system has no locks: have no second studio open in this folder"


@dataclass(frozen=True)
class Place:
    """Where jobs run.

    Attributes:
        root: the folder of the project.
        cache: the folder of caches; the usual one if None.
    """

    root: Path
    cache: Path | None


class Lane:
    """A thread that runs the jobs of a lane."""

    def __init__(self, name: str, shelf: Shelf, tasks: Registry, place: Place, note: Callable[[str], None]) -> None:
        self._name = name
        self._shelf = shelf
        self._tasks = tasks
        self._place = place
        self._note = note
        self._locked = True  # until the file system turns out to have no locks
        self._first = True
        self._started = 0.0
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"jobs-{name}", daemon=True)

    def start(self) -> None:
        """Begins to run jobs."""
        self._started = time.time()
        self._thread.start()

    def wake(self) -> None:
        """Has it look for jobs at once."""
        self._wake.set()

    def close(self) -> None:
        """Has the running job end, which is queued again."""
        self._closing.set()
        self._wake.set()

    def join(self) -> None:
        """Waits until nothing runs any more."""
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            if self._waiting():
                with self._lock() as descriptors:
                    while descriptors is not None and not self._closing.is_set() and self._turn(descriptors):
                        pass
            self._first = False
            self._wake.wait(_LOOK_S)

    def _waiting(self) -> list[Job]:
        """The jobs of this lane that are to run, the oldest first; with those that a studio that was killed left."""
        states = {"queued", "running"} if self._locked or self._first else {"queued"}
        return [job for job in reversed(self._shelf.all()) if job.lane == self._name and job.state in states]

    @contextlib.contextmanager
    def _lock(self) -> Iterator[tuple[int, ...] | None]:
        """Locks the lane; the value is the lock's descriptor, which the job's process keeps, or None if it is taken."""
        try:
            lock = lock_file(self._shelf.folder / f"{self._name}.lock")
        except NoLocksError:
            if self._locked:
                self._locked = False
                self._note(WITHOUT_LOCKS)
            yield ()
            return
        except OSError:  # a full disk, or the folder is gone: the next look may have better luck
            yield None
            return
        if lock is None:
            yield None
            return
        with lock:
            yield (lock.fileno(),)

    def _turn(self, descriptors: tuple[int, ...]) -> bool:
        """Runs the next job; returns False if there is none."""
        self._shelf.refresh()
        waiting = self._waiting()
        if waiting:
            self._run(waiting[0], descriptors)
        return bool(waiting)

    def _run(self, job: Job, descriptors: tuple[int, ...]) -> None:
        files = self._shelf.files(job.id)
        running = replace(
            job, state="running", started=time.time(), ended=None, notes=(), progress=None, cancelling=False
        )
        try:
            files.begin()
            files.write(running)
        except OSError as error:
            self._shelf.write(_ended(running, Outcome(error=system_error(f"cannot write {files.folder}", error))))
            return
        self._shelf.refresh()
        outcome = self._outcome(running, descriptors)
        if files.asked_to_end and (outcome is None or outcome.error is not None):
            self._shelf.write(replace(running, state="cancelled", ended=time.time()))
        elif outcome is None:
            self._shelf.write(replace(running, state="queued", started=None))
        else:
            self._shelf.write(_ended(running, outcome))

    def _outcome(self, job: Job, descriptors: tuple[int, ...]) -> Outcome | None:
        files = self._shelf.files(job.id)
        try:
            module, task = self._tasks.module(job.kind), self._tasks.task(job.kind)
        except GraftError as error:
            return Outcome(error=JobError(what=error.what, remedy=error.remedy))
        if task.fresh_s is not None and job.created < self._started - task.fresh_s:
            return Outcome(error=_STALE)
        request: dict[str, Any] = {
            "module": module,
            "root": str(self._place.root),
            "cache": None if self._place.cache is None else str(self._place.cache),
            "arguments": dict(job.arguments),
            "grace_s": task.grace_s,
        }
        return run_job(
            request,
            files,
            inherit=descriptors,
            ended=lambda: self._closing.is_set() or files.asked_to_end,
            changed=self._shelf.refresh,
        )


def _ended(job: Job, outcome: Outcome) -> Job:
    state: Any = "done" if outcome.error is None else "failed"
    return replace(job, state=state, ended=time.time(), result=outcome.result, error=outcome.error)
