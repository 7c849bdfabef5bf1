"""The models of a project that can be deployed."""

from __future__ import annotations

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

_MOST = 500


def deployable(project: Project) -> tuple[str, ...]:
    """The paths of the models relative to the project, the newest first; links out of the project are left out."""
    found = []
    for path in project.models.glob("*.tflite"):
        name = path.relative_to(project.root).as_posix()
        try:
            if project.inside(name).is_file():
                found.append((path.stat().st_mtime, name))
        except (OSError, StudioError):
            continue
    return tuple(name for _, name in sorted(found, reverse=True)[:_MOST])
