"""The tasks by their kinds; each is the ``TASK`` of the module of its name, which is imported when it is needed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from graft_host.studio.project.errors import StudioError
from graft_host.studio.tasks.task import Task

KINDS = (
    "train",
    "compare",
    "search",
    "export",
    "deploy",
    "way_back",
    "collect",
    "sort",
    "check",
    "map",
)  # fmt: skip
"""Each is the name of a module in this folder."""


@dataclass(frozen=True)
class Registry:
    """The kinds of jobs that there are.

    Attributes:
        package: where the module of each kind is.
        kinds: the names of the modules.
    """

    package: str = "graft_host.studio.tasks"
    kinds: tuple[str, ...] = KINDS

    def module(self, kind: str) -> str:
        """The full name of the module of a kind; raises StudioError if there is none."""
        if kind not in self.kinds:
            raise StudioError(f"there is no task '{kind}'", f"choose from {', '.join(self.kinds)}")
        return f"{self.package}.{kind}"

    def task(self, kind: str) -> Task:
        """The task of a kind; raises StudioError if there is none."""
        return load(self.module(kind))


TASKS = Registry()
"""The tasks of the studio."""


def load(module: str) -> Task:
    """The task of a module."""
    found: Task = importlib.import_module(module).TASK
    return found


def task(kind: str) -> Task:
    """The task of a kind of the studio; raises StudioError if there is none."""
    return TASKS.task(kind)
