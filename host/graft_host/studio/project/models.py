"""Finds the models of a project."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import MODELS, Project

SUFFIX = ".tflite"


@dataclass(frozen=True)
class ProjectModel:
    """A model of a project.

    Attributes:
        name: of the file.
        written: when it was written last, in seconds since 1970.
        bytes: its size.
    """

    name: str
    written: float
    bytes: int

    @property
    def path(self) -> str:
        """Its path relative to the project."""
        return f"{MODELS}/{self.name}"


def find_models(project: Project) -> tuple[ProjectModel, ...]:
    """The models of a project, the newest first; a file that leads out of the project is left out."""
    found = []
    for path in project.models.glob(f"*{SUFFIX}"):
        try:
            status = project.inside(f"{MODELS}/{path.name}").stat()
        except (OSError, StudioError):
            continue
        if path.is_file() and not path.name.startswith("."):
            found.append(ProjectModel(path.name, status.st_mtime, status.st_size))
    return tuple(sorted(found, key=lambda model: (-model.written, model.name)))


def model_path(project: Project, name: str) -> Path:
    """The file of a model.

    Args:
        project: that has it.
        name: of a file in the folder of models.

    Raises:
        StudioError: there is no such model.
    """
    if "/" in name or not name.endswith(SUFFIX):
        raise StudioError(f"there is no model called {name!r}", "choose one of the list")
    path = project.inside(f"{MODELS}/{name}")
    if not path.is_file():
        raise _gone(name)
    return path


def model_status(project: Project, name: str) -> os.stat_result:
    """The size of a model and when it was written; raises StudioError as ``model_path``."""
    path = model_path(project, name)
    try:
        return path.stat()
    except OSError as error:  # removed just now
        raise _gone(name) from error


def _gone(name: str) -> StudioError:
    return StudioError(f"there is no model called {name!r} any more", "choose one of the list")
