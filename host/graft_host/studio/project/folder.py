"""The folder of a studio: photos, models, inbox, settings, and what the studio keeps beside them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import os_reason
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.suitable import check_suitable

PHOTOS = "photos"
MODELS = "models"
INBOX = "inbox"

WORK = ".studio"
"""The folder in the project that has jobs and other things that the studio keeps for itself."""


@dataclass(frozen=True)
class Project:
    """The folder of a studio.

    Attributes:
        root: the folder, with its links resolved.
    """

    root: Path

    @property
    def photos(self) -> Path:
        """The folder with a folder of photos per class."""
        return self.root / PHOTOS

    @property
    def models(self) -> Path:
        """The folder of ``.tflite`` files, with their reports beside them."""
        return self.root / MODELS

    @property
    def inbox(self) -> Path:
        """The folder of pictures that are to be sorted, such as those from boards."""
        return self.root / INBOX

    @property
    def settings(self) -> Path:
        """The file with the settings of the project."""
        return self.root / "studio.toml"

    @property
    def work(self) -> Path:
        """The folder that the studio keeps for itself."""
        return self.root / WORK

    def inside(self, relative: str) -> Path:
        """A path in the project, none of whose parts is a link out of it.

        Args:
            relative: to the project's folder, with ``/`` between folders.

        Raises:
            StudioError: the path leads out of the project.
        """
        path = self.root / relative
        if relative.startswith("/") or "\0" in relative or ".." in Path(relative).parts:
            raise StudioError(f"{relative!r} is outside the project", "choose a file in the project")
        if not Path(os.path.realpath(path)).is_relative_to(self.root):
            raise StudioError(f"{relative!r} leads out of the project", "choose a file in the project")
        return path


def open_project(folder: Path) -> Project:
    """Opens the folder of a studio, and makes what is missing of it.

    Raises:
        StudioError: it is not a folder, cannot be written to, or is one that should not become a project.
    """
    root = Path(os.path.realpath(folder))
    project = Project(root)
    check_suitable(root)
    try:
        for one in (root, project.photos, project.models, project.inbox, project.work):
            one.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudioError(
            f"cannot use {folder} for a project: {os_reason(error)}", "give a folder that you may write to"
        ) from error
    for one in (root, project.photos, project.models, project.inbox, project.work):
        if not os.access(one, os.W_OK | os.X_OK):
            raise StudioError(f"{one} cannot be written to", "give a folder that you may write to")
        if not Path(os.path.realpath(one)).is_relative_to(root):
            raise StudioError(f"{one} is a link that leads out of the project", "give the folder that it leads to")
    return project
