"""Goes back to an earlier model of a board."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.studio.board_list.choices import read_way_back
from graft_host.studio.board_list.going_back import go_back
from graft_host.studio.board_list.reaching import ssh_options
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.stages import FRESH_S, PATIENCE_S, Stages
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter

STAGES = ("look", "back", "service")


def _check(_project: Project, arguments: Arguments) -> None:
    read_way_back(arguments)


def _run(_project: Project, arguments: Arguments, _cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    with Stages(STAGES, reporter) as stages:
        return go_back(read_way_back(arguments), ssh_options(), reporter.note, stages.begin).to_json()


TASK = Task(
    kind="way_back",
    lane="boards",
    check=_check,
    command=lambda arguments: read_way_back(arguments).command(),
    run=_run,
    grace_s=PATIENCE_S,
    fresh_s=FRESH_S,
)
