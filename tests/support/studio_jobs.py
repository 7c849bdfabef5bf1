"""A queue of jobs over the tasks of tests; as a program, a studio without pages that can be killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from graft_host.studio.jobs.job import Job
from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.project.folder import open_project
from graft_host.studio.tasks.registry import Registry
from tests.support.host_data import python_environment
from tests.support.running import PATIENCE_S, eventually

TASKS = Registry("tests.support.studio_tasks", ("waits", "travels", "fails"))


def jobs_of(root: Path, note: Callable[[str], None] = lambda _text: None) -> Jobs:
    """The queue of a folder."""
    return Jobs(open_project(root), None, tasks=TASKS, note=note)


def get(jobs: Jobs, job: Job) -> Job:
    """A job as it is now."""
    found = jobs.get(job.id)
    assert found is not None
    return found


def comes_to(jobs: Jobs, job: Job, state: str) -> Job:
    """Waits until a job has a state."""
    eventually(lambda: (now := jobs.get(job.id)) is not None and now.state == state, f"it never was {state}")
    return get(jobs, job)


def ran(root: Path) -> list[str]:
    """The names of the jobs that began, in that order."""
    return [line.split()[0] for line in _signs(root)]


def helpers(root: Path) -> list[int]:
    """The processes that the jobs started."""
    return [int(line.split()[1]) for line in _signs(root)]


def _signs(root: Path) -> list[str]:
    return (root / "ran").read_text().splitlines() if (root / "ran").exists() else []


@contextmanager
def queue_in_a_process(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the queue of a folder in a process of its own, which is killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(root)], stdin=subprocess.DEVNULL, env=python_environment()
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)


if __name__ == "__main__":
    with jobs_of(Path(sys.argv[1])):
        threading.Event().wait()
