"""The tasks by their kinds; each is the ``TASK`` of the module of its name, which is imported when it is needed."""

from __future__ import annotations

import importlib

from graft_host.studio.project.errors import StudioError
from graft_host.studio.tasks.task import Task

KINDS = ("train",)
"""Each is the name of a module in this folder."""


def task(kind: str) -> Task:
    """The task of a kind; raises StudioError if there is none."""
    if kind not in KINDS:
        raise StudioError(f"there is no task '{kind}'", f"choose from {', '.join(KINDS)}")
    found: Task = importlib.import_module(f"graft_host.studio.tasks.{kind}").TASK
    return found
