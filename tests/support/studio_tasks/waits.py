"""A task that waits for a file, and leaves signs of what it does in the project's folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.task import Arguments, Lane, Task, TaskReporter


def task(kind: str, lane: Lane) -> Task:
    """The task for a lane: ``name`` is written to ``ran`` at the beginning, and the file ``go`` lets it end."""
    return Task(kind=kind, lane=lane, check=_check, command=lambda arguments: f"wait {arguments['name']}", run=_run)


def _check(_project: Project, arguments: Arguments) -> None:
    if not arguments.get("name"):
        raise StudioError("there is no name", "give one")


def _run(project: Project, arguments: Arguments, _cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    sys.stdout.write("noise of a library on standard output\n")
    sys.stdout.flush()
    reporter.note(f"{arguments['name']} waits")
    reporter.event("began", {"name": arguments["name"]})
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with (project.root / "ran").open("a") as file:
        file.write(f"{arguments['name']} {helper.pid}\n")
    try:
        with reporter.progress("waiting", "turns") as progress:
            turn = 0
            while not (project.root / "go").exists():
                turn = min(turn + 1, 9)
                progress(turn, 10)
                time.sleep(0.02)
    except KeyboardInterrupt:
        (project.root / f"interrupted-{arguments['name']}").touch()
        raise
    return {"turns": turn, "name": arguments["name"]}


TASK = task("waits", "computing")
