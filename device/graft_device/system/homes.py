"""Finds the folders for a user's data, cache and state (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, below: str) -> Path | None:
    """The folder in which graftkit keeps one type of file; None if the user has no home folder.

    Args:
        variable: the environment variable that names the parent folder, such as ``XDG_DATA_HOME``.
        below: the parent folder relative to the home folder, used where the variable is not set.
    """
    base = os.environ.get(variable) or os.path.expanduser(f"~/{below}")  # noqa: PTH111  Path's own may raise
    return Path(base) / "graftkit" if Path(base).is_absolute() else None
