"""A task that fails in the way that its argument names."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_device.errors import ModelError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter, WithFiguresError


def _run(_project: Project, arguments: Arguments, _cache: Path | None, _reporter: TaskReporter) -> Mapping[str, Any]:
    how = arguments["how"]
    if how == "gate":
        raise WithFiguresError("accuracy 40% is below 90%", "", status=3, figures={"accuracy": 0.4})
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "bug":
        raise ZeroDivisionError("by zero")
    raise ModelError("the file is no model", "give another")


TASK = Task(kind="fails", lane="computing", check=lambda *_: None, command=lambda _: "", run=_run)
