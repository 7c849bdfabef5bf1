"""Where programs keep what is a user's (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, below: str) -> Path | None:
    """The kit's folder of one kind; None where the user has no home.

    Args:
        variable: that names the folder of that kind, such as ``XDG_DATA_HOME``.
        below: the home folder, where it lies otherwise.
    """
    base = os.environ.get(variable) or os.path.expanduser(f"~/{below}")  # noqa: PTH111  Path's own may raise
    return Path(base) / "graftkit" if Path(base).is_absolute() else None
