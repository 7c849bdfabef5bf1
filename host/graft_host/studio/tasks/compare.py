"""Compares two models of the project on photos that neither was trained on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import MODELS, PHOTOS, Project
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter

_MOST_PHOTOS = 24


def _check(project: Project, arguments: Arguments) -> None:
    if arguments.keys() != {"model", "against"}:
        raise StudioError("a comparison takes two models", "give model and against")
    for path in arguments.values():
        if PurePosixPath(str(path)).parts[:1] != (MODELS,) or not project.inside(str(path)).is_file():
            raise StudioError(f"there is no model {path} any more", "choose another one")


def _command(arguments: Arguments) -> str:
    return shlex.join(["graft", "evaluate", arguments["model"], f"{PHOTOS}/", "--against", arguments["against"]])


def _run(project: Project, arguments: Arguments, _cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    from graft_host.evaluation.comparing import evaluate_against
    from graft_host.photos.given.places import PhotoPlaces

    model, against = (project.inside(arguments[name]) for name in ("model", "against"))
    places = PhotoPlaces(root=project.photos)
    comparison = evaluate_against(model, against, places, "test", None, reporter).comparison
    if comparison is None:
        raise StudioError("there is nothing to compare", "choose two models")
    figures = comparison.to_json()
    for name in ("photos_worse", "photos_better"):
        figures[name] = [_relative(project, photo) for photo in figures[name][:_MOST_PHOTOS]]
    return {**figures, "old": arguments["against"], "new": arguments["model"]}


def _relative(project: Project, photo: Mapping[str, Any]) -> dict[str, Any]:
    """A photo by its id in the album."""
    path = Path(photo["path"])
    inside = path.is_relative_to(project.photos)
    return {**photo, "path": path.relative_to(project.photos).as_posix() if inside else path.name}


TASK = Task(kind="compare", lane="computing", check=_check, command=_command, run=_run)
