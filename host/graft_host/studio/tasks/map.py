"""The task ``map``: lays the photos out in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.studio.maps.neighbours import FEWEST, has_umap, neighbour_map
from graft_host.studio.maps.photo_map import PhotoMap, scaled, write_map
from graft_host.studio.maps.principal import principal
from graft_host.studio.maps.vectors import photo_vectors
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.looking import check_options
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter

_AXES = 2


def _check(project: Project, arguments: Arguments) -> None:
    check_options(project, arguments, None)


def _command(_: Arguments) -> str:
    return ""


def _run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    vectors = photo_vectors(check_options(project, arguments, cache), reporter)
    ids = tuple(photo.path.relative_to(project.photos).as_posix() for photo in vectors.photos)
    digests = tuple(photo.digest for photo in vectors.photos)
    with reporter.progress("drawing the map"):
        axes = principal(vectors.rows, _AXES)
    explained = tuple(round(float(share), 6) for share in axes.explained)
    points = scaled(axes.points)
    write_map(project, PhotoMap(method="pca", ids=ids, digests=digests, points=points, explained=explained))
    neighbours = has_umap() and len(ids) >= FEWEST
    if neighbours:
        with reporter.progress("arranging neighbours"):
            points = scaled(neighbour_map(vectors.rows))
        write_map(project, PhotoMap(method="umap", ids=ids, digests=digests, points=points))
    return {"photos": len(ids), "explained": list(explained), "umap": neighbours}


TASK = Task(kind="map", lane="computing", check=_check, command=_command, run=_run)
