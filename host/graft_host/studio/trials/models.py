"""Finds the models of a project."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

ENDING = ".tflite"


@dataclass(frozen=True)
class ModelChoice:
    """A file in the folder of models.

    Attributes:
        name: of the file.
        written: when it was written last, in seconds since 1970.
        bytes: its size.
    """

    name: str
    written: float
    bytes: int


def find_models(project: Project) -> tuple[ModelChoice, ...]:
    """The models of a project, the newest first; a file that leads out of the project is left out."""
    found = []
    for path in project.models.glob(f"*{ENDING}"):
        try:
            status = project.inside(f"{project.models.name}/{path.name}").stat()
        except (OSError, StudioError):
            continue
        if path.is_file() and not path.name.startswith("."):
            found.append(ModelChoice(path.name, status.st_mtime, status.st_size))
    return tuple(sorted(found, key=lambda model: (-model.written, model.name)))


def model_path(project: Project, name: str) -> Path:
    """The file of a model.

    Args:
        project: that has it.
        name: of a file in the folder of models.

    Raises:
        StudioError: there is no such model.
    """
    if "/" in name or not name.endswith(ENDING):
        raise StudioError(f"there is no model called {name!r}", "choose one of the list")
    path = project.inside(f"{project.models.name}/{name}")
    if not path.is_file():
        raise StudioError(f"there is no model called {name!r} any more", "choose one of the list")
    return path


def classify_command(name: str) -> str:
    """The command line that classifies a photo with a model."""
    return f"graft-device classify {shlex.quote(f'models/{name}')} photo.jpg"
