"""Resolves a service's paths, and finds those in folders that systemd hides from it."""

from __future__ import annotations

import os
from pathlib import Path

HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108  not written to

_MOST_LINKS = 40
"""The number of symbolic links that Linux follows."""


def is_hidden(path: Path) -> bool:
    """Whether a path is in a hidden folder: the service sees it only if its unit binds it."""
    return any(root in path.parents for root in HIDDEN)


def holds_hidden(path: Path) -> bool:
    """Whether a path is itself a hidden folder, which no unit binds as a whole."""
    return path in HIDDEN


def normal(path: Path) -> Path:
    """Removes ``..``, which systemd does not accept, from an absolute path; of links, resolves only those before it."""
    result = Path("/")
    for part in path.parts[1:]:
        if part != "..":
            result /= part
        else:
            result = Path(os.path.realpath(result)).parent if result.is_symlink() else result.parent
    return result


def without_dots(word: str) -> str:
    """Applies ``normal`` to a word of a command line that is an absolute path, or ``--option=`` with such a path."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    path = Path(value)
    return f"{option}{equals}{normal(path)}" if path.is_absolute() and path != normal(path) else word


def reached(path: Path) -> Path:
    """Follows an absolute path's links until it is in a hidden folder.

    The result is the path that the unit has to bind. From there, systemd follows the links at each start.
    """
    for _ in range(_MOST_LINKS):
        path = normal(path)
        link = next((parent for parent in (*reversed(path.parents), path) if parent.is_symlink()), None)
        if link is None or is_hidden(path):
            break
        path = link.parent / link.readlink() / path.relative_to(link)
    return path


def store_or_file(path: Path) -> Path:
    """The path that a service has to see: the whole store for a model in one, since its link ``current`` changes."""
    link = path.parent
    return link.parent if link.name == "current" and link.is_symlink() else path
