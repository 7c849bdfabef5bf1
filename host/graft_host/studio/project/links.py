"""Finds links that lead out of a project, which the pages do not follow and a job must not follow either."""

from __future__ import annotations

import os
from pathlib import Path

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project


def refuse_links_out(project: Project, *folders: Path) -> None:
    """Looks through folders of photos before a job reads them; hidden files are not read, and so are left out.

    Args:
        project: that all of them must be in.
        folders: with everything in them.

    Raises:
        StudioError: a link in one of them leads out of the project.
    """
    waiting, seen = [str(folder) for folder in folders], set()
    while waiting:
        path = waiting.pop()
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(path) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:  # the job names what it cannot read
            continue
        for entry in found:
            if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(project.root):
                shown = os.path.relpath(entry.path, project.root).encode(errors="backslashreplace").decode()
                raise StudioError(
                    f"{shown!r} is a link that leads out of the project", "replace it by what it leads to"
                )
            if _is_folder(entry):
                waiting.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False
