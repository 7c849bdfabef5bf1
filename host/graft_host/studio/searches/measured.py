"""Keeps what boards measured, in the folder ``latency`` of the project, for searches that are for a board."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from graft_device.errors import GraftError, os_reason
from graft_device.system.durable import write_atomically
from graft_host.network_search.latency.board_latency import BoardFigures, figures_from, read_figures
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

FOLDER = "latency"

MOST_BYTES = 256 * 1024
"""Of a file; those of ``graft-device bench --json`` have a few kilobytes."""

_REST = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class MeasuredBoard:
    """A board that was measured.

    Attributes:
        name: of the board.
        files: relative to the project's folder.
    """

    name: str
    files: tuple[str, ...]


def measured_boards(project: Project) -> tuple[MeasuredBoard, ...]:
    """The boards whose figures are in the project; files that are no figures are left out."""
    files: dict[str, list[str]] = {}
    for path in _files(project):
        try:
            figures = read_figures(project.inside(f"{FOLDER}/{path.name}"))
        except GraftError:
            continue
        files.setdefault(figures.board, []).append(f"{FOLDER}/{path.name}")
    return tuple(MeasuredBoard(name, tuple(paths)) for name, paths in sorted(files.items()))


def add_figures(project: Project, name: str, content: bytes) -> BoardFigures:
    """Adds a file of ``graft-device bench --json``; figures of the same network on the same board are replaced.

    Args:
        project: where it is kept.
        name: of the file, as the person called it.
        content: of the file.

    Raises:
        LatencyError: it has no such figures.
        StudioError: it is too large, or cannot be written.
    """
    if len(content) > MOST_BYTES:
        raise StudioError(f"{name} is too large for the output of 'graft-device bench --json'", "choose another file")
    figures = figures_from(content, Path(name))
    folder = project.inside(FOLDER)
    try:
        folder.mkdir(exist_ok=True)
        target = project.inside(f"{FOLDER}/{_free(project, name, figures)}")
        write_atomically(target, content)
    except OSError as error:
        raise StudioError(f"cannot write into {folder}: {os_reason(error)}", "free some space there") from error
    return figures


def _files(project: Project) -> Sequence[Path]:
    try:
        return sorted(project.inside(FOLDER).glob("*.json"))
    except (OSError, StudioError):
        return ()


def _free(project: Project, name: str, figures: BoardFigures) -> str:
    """The name of the file that has the same figures already, or one that is not taken."""
    taken = set()
    for path in _files(project):
        taken.add(path.name)
        try:
            known = read_figures(project.inside(f"{FOLDER}/{path.name}"))
        except GraftError:
            continue
        if (known.board, known.shape) == (figures.board, figures.shape):
            return path.name
    stem = _REST.sub("-", PurePath(name).stem).strip("-_")[:60] or "board"
    number, free = 1, f"{stem}.json"
    while free in taken:
        number += 1
        free = f"{stem}-{number}.json"
    return free
