"""What photos lie in a folder and below it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

State = tuple[int, int, int]
"""Size, modification time in ns and inode of a file."""


@dataclass(frozen=True)
class Scan:
    """What was found.

    Attributes:
        photos: the state of each photo by its path.
        unread: folders below the root that cannot be read, and why.
        links: links to folders, which are not followed.
    """

    photos: dict[str, State] = field(default_factory=dict)
    unread: dict[str, OSError] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


def scan(root: Path, apart: str | None = None) -> Scan:
    """Looks through a folder; hidden files and folders don't count.

    Args:
        root: the folder.
        apart: a folder below it to leave out, written as ``root`` is.

    Raises:
        OSError: the root cannot be read.
    """
    found = Scan()
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _add(entry, found, folders, apart)
        except (FileNotFoundError, NotADirectoryError):  # below the root: deleted in between
            if folder == str(root):
                raise
        except OSError as error:
            if folder == str(root):
                raise
            found.unread[folder] = error
    return found


def is_photo(name: str) -> bool:
    """Whether a file's name is that of a photo."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122  many a second


def _add(entry: os.DirEntry[str], found: Scan, folders: list[str], apart: str | None) -> None:
    try:
        if entry.is_dir():
            if entry.name.startswith(".") or entry.path == apart:
                return
            (found.links if entry.is_symlink() else folders).append(entry.path)
        elif is_photo(entry.name) and entry.is_file():
            stat = entry.stat()
            found.photos[entry.path] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError:  # deleted in between
        return
