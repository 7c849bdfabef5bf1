"""What a job does: the form of a task, which runs in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from graft_device.errors import GraftError
from graft_host.studio.project.folder import Project
from graft_host.support.progress import Progress

Arguments = Mapping[str, Any]
"""Plain values; paths are relative to the project's folder, with ``/`` between folders."""

Lane = Literal["computing", "boards", "sorting"]
"""Jobs of one lane run one after another: those that compute share the cores, those for boards wait for the network,
and the page for sorting is open as long as a person likes."""


class TaskReporter(Protocol):
    """Receives what a task reports; a ``Reporter`` of the library, whose ``step`` is also a ``ProgressCallback``."""

    def note(self, text: str) -> None:
        """Receives a line for the user."""

    def event(self, name: str, values: Mapping[str, Any]) -> None:
        """Receives what the task has found, as plain values, which pages read as ``Job.events``."""

    def progress(self, stage: str, unit: str = "photos") -> contextlib.AbstractContextManager[Progress]:
        """Starts a stage; the callback is called with the numbers of finished and of all units."""

    def step(self, stage: str, done: int, total: int) -> None:
        """Receives how far a stage is."""


class WithFiguresError(GraftError):
    """A task failed, but there is something to show, such as the figures of a model that a gate refused."""

    def __init__(self, what: str, remedy: str, *, status: int, figures: Mapping[str, Any]) -> None:
        """Creates the error.

        Args:
            what: what is wrong.
            remedy: what to do; empty if there is nothing to say.
            status: the exit status that the command would have.
            figures: the result of the job, as plain values.
        """
        super().__init__(what, remedy)
        self.exit_status = status
        self.figures = figures


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of job.

    Attributes:
        kind: its name.
        lane: which jobs it waits for.
        check: raises GraftError if the task does not take the arguments; quick.
        command: the command line that does the same, to be run in the project's folder; empty if there is none.
        run: does it, and returns the result as plain values; raises GraftError. It gets the folder of caches, which is
            the usual one if None. It runs in the main thread of a process of its own, and is interrupted with
            KeyboardInterrupt when the job is cancelled.
        grace_s: seconds that it may take to put things in order after that, before it is killed.
        fresh_s: seconds for which a job that an earlier studio left is still done at the next start; any time if None.
    """

    kind: str
    lane: Lane
    check: Callable[[Project, Arguments], None]
    command: Callable[[Arguments], str]
    run: Callable[[Project, Arguments, Path | None, TaskReporter], Mapping[str, Any]]
    grace_s: float = 10.0
    fresh_s: float | None = None
