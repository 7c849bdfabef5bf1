"""The task ``check``: what is wrong with the photos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.photo_check import check
from graft_host.studio.project.folder import Project
from graft_host.studio.remedies.finding_photos import found_in
from graft_host.studio.tasks.looking import check_command, check_options
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter


def _check(project: Project, arguments: Arguments) -> None:
    check_options(project, arguments, None)


def _run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    options = check_options(project, arguments, cache)
    result = check(options, reporter)
    with reporter.progress("comparing copies"):
        found = found_in(result, project.photos)
    values = result.to_json()
    del values["findings"]
    return {**values, "found": [finding.to_json() for finding in found]}


TASK = Task(kind="check", lane="computing", check=_check, command=check_command, run=_run)
