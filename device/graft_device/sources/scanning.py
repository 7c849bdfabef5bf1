"""Finds the photos in a folder and below it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from graft_device.system.service_names import is_service_name

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

State = tuple[int, int, int]
"""Size, modification time in ns and inode of a file."""


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    Attributes:
        photos: the state of each photo, by path.
        unread: the error of each folder below the root that cannot be read, by path.
        links: links to folders, which are not followed.
    """

    photos: dict[str, State] = field(default_factory=dict)
    unread: dict[str, OSError] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


def scan(root: Path, apart: str | None = None) -> Scan:
    """Scans a folder and the folders below it. Hidden files and folders and those of systems are skipped.

    Args:
        root: the folder.
        apart: a folder below it to skip, with the same prefix as ``root``; None for no folder.

    Raises:
        OSError: the root cannot be read.
    """
    result = Scan()
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _add(entry, result, folders, apart)
        except (FileNotFoundError, NotADirectoryError):  # a folder below the root was deleted meanwhile
            if folder == str(root):
                raise
        except OSError as error:
            if folder == str(root):
                raise
            result.unread[folder] = error
    return result


def is_photo(name: str) -> bool:
    """Whether a file has the name of a photo, and not that of a system's service file."""
    return os.path.splitext(name)[1].lower() in SUFFIXES and not is_service_name(name)  # noqa: PTH122  many a second


def _add(entry: os.DirEntry[str], result: Scan, folders: list[str], apart: str | None) -> None:
    try:
        if entry.is_dir():
            if is_service_name(entry.name) or entry.path == apart:
                return
            (result.links if entry.is_symlink() else folders).append(entry.path)
        elif is_photo(entry.name) and entry.is_file():
            stat = entry.stat()
            result.photos[entry.path] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError:  # the file was deleted meanwhile
        return
