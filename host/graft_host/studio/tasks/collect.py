"""Brings the pictures that boards kept into the inbox, as ``graft collect`` does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.collecting.collect import collect
from graft_host.collecting.options import Board, CollectOptions, board_at
from graft_host.deploy.errors import DeployError
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.reaching import config_words, ssh_options
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter


def _boards(arguments: Arguments) -> list[str]:
    boards = arguments.get("boards")
    if not isinstance(boards, list) or not boards or not all(isinstance(one, str) for one in boards):
        raise StudioError("no board is chosen", "choose at least one")
    for one in boards:
        parse_target(one)
    return boards


def _check(project: Project, arguments: Arguments) -> None:
    _boards(arguments)
    project.inside(project.inbox.name)


def _command(arguments: Arguments) -> str:
    folders = [word for folder in _folders(arguments) for word in ("--from", folder)]
    moving = ["--move"] if arguments.get("move") is True else []
    return shlex.join(["graft", "collect", *_boards(arguments), *folders, *moving, *config_words()])


def _folders(arguments: Arguments) -> list[str]:
    """Folders on the boards; a person may name one where the pictures are not in the usual place."""
    folder = arguments.get("folder", "")
    return [folder] if isinstance(folder, str) and folder else []


def _run(project: Project, arguments: Arguments, _cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    boards: list[Board] = [board_at(parse_target(one), ssh_options()) for one in _boards(arguments)]
    options = CollectOptions(
        inbox=project.inside(project.inbox.name),
        folders=tuple(_folders(arguments)),
        move=arguments.get("move") is True,
    )
    result = collect(boards, options, reporter)
    if all(board.error for board in result.boards):
        first = result.boards[0]
        raise DeployError(first.error, exit_status=first.error_status)
    return {
        "new": result.new,
        "boards": [
            {"board": board.board, "new": len(board.taken.new), "line": board.line(), "problems": list(board.problems),
             "error": board.error}
            for board in result.boards
        ],
    }  # fmt: skip


TASK = Task(kind="collect", lane="boards", check=_check, command=_command, run=_run)
