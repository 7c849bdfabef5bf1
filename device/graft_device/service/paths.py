"""The paths that a service is given, and which of them lie in folders that it cannot see."""

from __future__ import annotations

import os
from pathlib import Path

HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108  not written to

_MOST_LINKS = 40
"""As many as Linux follows."""


def is_hidden(path: Path) -> bool:
    """Whether a path lies in a folder that a service finds empty, but for what its unit shows it."""
    return any(root in path.parents for root in HIDDEN)


def holds_hidden(path: Path) -> bool:
    """Whether a path is itself such a folder, which no unit shows as a whole."""
    return path in HIDDEN


def normal(path: Path) -> Path:
    """An absolute path without ``..``, which systemd takes in no list; links stay, but for one that ``..`` follows."""
    found = Path("/")
    for part in path.parts[1:]:
        if part != "..":
            found /= part
        else:
            found = Path(os.path.realpath(found)).parent if found.is_symlink() else found.parent
    return found


def without_dots(word: str) -> str:
    """A word of a command line, ``normal`` where it is an absolute path or ``--option=`` and such a path."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    path = Path(value)
    return f"{option}{equals}{normal(path)}" if path.is_absolute() and path != normal(path) else word


def reached(path: Path) -> Path:
    """Where an absolute path leads, followed up to its first place in a hidden folder.

    That is what a unit has to show; systemd follows it from there at each start, whatever it leads to then.
    """
    for _ in range(_MOST_LINKS):
        path = normal(path)
        link = next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None)
        if link is None or is_hidden(path):
            break
        path = link.parent / link.readlink() / path.relative_to(link)
    return path


def store_or_file(path: Path) -> Path:
    """What a service has to see for a path: of a model store all, as its link ``current`` will lead elsewhere later."""
    link = path.parent
    return link.parent if link.name == "current" and link.is_symlink() else path
