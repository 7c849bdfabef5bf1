"""Deploys a model to a board, as ``graft deploy`` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.deploy.deploy import deploy
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.choices import read_deploying
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.stages import FRESH_S, PATIENCE_S, Stages
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter

STAGES = ("look", "kit", "transfer", "install", "service")


def _check(project: Project, arguments: Arguments) -> None:
    read_deploying(arguments, project)


def _run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    chosen = read_deploying(arguments, project)
    with Stages(STAGES, reporter) as stages:
        path = project.inside(chosen.model)
        outcome = deploy(path, parse_target(chosen.board), chosen.options(cache), reporter.note, stages.begin)
    figures = outcome.to_json()
    return {**figures, "model": {**figures["model"], "path": chosen.model}}


TASK = Task(
    kind="deploy",
    lane="boards",
    check=_check,
    command=lambda arguments: read_deploying(arguments).command(),
    run=_run,
    grace_s=PATIENCE_S,
    fresh_s=FRESH_S,
)
