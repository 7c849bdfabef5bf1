"""Refuses folders that people give by mistake: the root, their home, the folder of photos itself."""

from __future__ import annotations

import itertools
import os
import shlex
from pathlib import Path

from graft_device.sources.scanning import SUFFIXES
from graft_host.studio.project.errors import StudioError

_OWN = {"photos", "models", "inbox"}
_LOOKED_AT = 200
"""Entries of a folder; who has that many others before the first photo does not keep a class there."""


def check_suitable(root: Path) -> None:
    """Checks a folder before it becomes a project.

    Args:
        root: the folder, with its links resolved; it may be missing.

    Raises:
        StudioError: it should not become one.
    """
    if root.exists() and not root.is_dir():
        raise StudioError(f"{root} is a file", "give a folder; it is made if it is missing")
    home = Path(os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111  Path's own may raise
    if root in {Path(root.anchor), home}:
        name = "your home folder" if root == home else "the root of the file system"
        raise StudioError(f"{root} is {name}", "give a folder for the project, such as: graft studio ~/pets")
    classes = [] if (root / "photos").is_dir() else _classes(root)
    if classes:
        raise StudioError(f"{root} has folders of photos itself, such as {classes[0]}", _remedy(root))


def _remedy(root: Path) -> str:
    if root.name == "photos":
        return f"give the folder above it: graft studio {shlex.quote(str(root.parent))}"
    return f"move them into {shlex.quote(str(root / 'photos'))}, and start the studio again"


def _classes(root: Path) -> list[str]:
    """The folders in a folder that have photos, and none that the studio would make itself."""
    try:
        folders = sorted(
            entry.name
            for entry in os.scandir(root)
            if not entry.name.startswith(".") and entry.name not in _OWN and entry.is_dir(follow_symlinks=False)
        )
        return [name for name in folders if _has_photos(root / name)][:1]
    except OSError:
        return []


def _has_photos(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(Path(entry.name).suffix.lower() in SUFFIXES for entry in itertools.islice(entries, _LOOKED_AT))
    except OSError:
        return False
