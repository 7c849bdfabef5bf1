"""Opens the page of ``graft sort`` for the inbox, until the job is cancelled, which is how sorting ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.sorting.options import SortOptions
from graft_host.sorting.table import open_table
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter
from graft_host.support.cache import default_cache

OPEN = "open"
"""The event with ``address``, where the page is on this computer."""


def _check(project: Project, _arguments: Arguments) -> None:
    for folder in (project.inbox, project.photos):
        project.inside(folder.name)


def _run(project: Project, _arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    from graft_host.sorting.page.server import serve

    def opened(address: str) -> None:
        reporter.step("sorting", 0, 0)
        reporter.event(OPEN, {"address": address})

    options = SortOptions(inbox=project.inbox, photos=project.photos, cache=cache)
    with open_table(options, reporter) as table:
        done = serve(table, cache or default_cache(), 0, lambda _line: None, opened)
    return done.to_json()


TASK = Task(kind="sort", lane="sorting", check=_check, command=lambda _arguments: "graft sort inbox photos", run=_run)
