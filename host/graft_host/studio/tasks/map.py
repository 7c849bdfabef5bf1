"""The task ``map``: lays the photos out in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graft_host.studio.maps.neighbours import FEWEST, has_umap, neighbour_map
from graft_host.studio.maps.photo_map import METHODS, PhotoMap, scaled, write_map
from graft_host.studio.maps.principal import principal
from graft_host.studio.maps.vectors import photo_vectors
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.looking import check_options
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter

_AXES = 2
_METHOD = "method"


def _check(project: Project, arguments: Arguments) -> None:
    method = arguments.get(_METHOD, "pca")
    if method not in METHODS:
        raise StudioError(f"there is no map '{method}'", f"choose from {', '.join(METHODS)}")
    if method == "umap" and not has_umap():
        raise StudioError("umap-learn is not installed", "run: python3 -m pip install umap-learn")
    check_options(project, _network(arguments), None)


def _network(arguments: Arguments) -> Arguments:
    return {name: value for name, value in arguments.items() if name != _METHOD}


def _command(_: Arguments) -> str:
    return ""


def _run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    vectors = photo_vectors(check_options(project, _network(arguments), cache), reporter)
    ids = tuple(photo.path.relative_to(project.photos).as_posix() for photo in vectors.photos)
    digests = tuple(photo.digest for photo in vectors.photos)
    left_out = frozenset(path.relative_to(project.photos).as_posix() for path in vectors.left_out)
    with reporter.progress("drawing the map"):
        axes = principal(vectors.rows, _AXES)
    explained = tuple(round(float(share), 6) for share in axes.explained)
    points = scaled(axes.points)
    made = PhotoMap(method="pca", ids=ids, digests=digests, points=points, explained=explained, left_out=left_out)
    write_map(project, made)
    neighbours = arguments.get(_METHOD) == "umap" and len(ids) >= FEWEST
    if neighbours:
        with reporter.progress("arranging neighbours"):
            points = scaled(neighbour_map(vectors.rows))
        write_map(project, replace(made, method="umap", points=points, explained=()))
    return {"photos": len(ids), "explained": list(explained), "umap": neighbours}


TASK = Task(kind="map", lane="computing", check=_check, command=_command, run=_run)
