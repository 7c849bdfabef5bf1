"""Finds the photos in a folder and below it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from graft_device.system.service_names import is_service_name

SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".jfi",
        ".jif",
        ".pjpeg",
        ".pjp",
        ".png",
        ".apng",
        ".webp",
        ".bmp",
        ".dib",
        ".gif",
    }
    | {".heic", ".heif", ".hif", ".avif"}
)
"""Endings of names that are taken for photos. A photo with another name is recognized by its contents."""

UNFINISHED = frozenset(
    {".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".opdownload", ".!ut", ".uploading"}
)
"""Endings that programs give to files until they are complete."""

_PRECISE_NS = 1_000_000


class State(NamedTuple):
    """What tells two versions of a file apart.

    Attributes:
        size: the size in bytes.
        mtime_ns: the modification time in nanoseconds.
        inode: the number of the file. FAT and many network and FUSE file systems give a file another number at times.
        ctime_ns: the time of the last change of contents, name or rights, in nanoseconds.
    """

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int

    @property
    def key(self) -> tuple[int, int]:
        """Size and modification time, which a file keeps when it is renamed."""
        return self.size, self.mtime_ns

    @property
    def is_precise(self) -> bool:
        """Whether no other file can have this key: a copied time may be a whole second or millisecond."""
        return self.mtime_ns % _PRECISE_NS != 0

    def same(self, other: State) -> bool:
        """Whether this is the state of the same version of a file.

        A new inode number alone is no other version. But if the time is coarse, the file was replaced where both the
        inode number and the time of the last change differ.
        """
        return self.key == other.key and (
            self.is_precise or self.inode == other.inode or self.ctime_ns == other.ctime_ns
        )


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    Attributes:
        photos: the state of each file with the name of a photo, by path.
        others: the state of each other file, by path. It may be a photo too.
        unread: the error of each folder below the root that cannot be read, by path.
        links: links to folders, which are not followed.
    """

    photos: dict[str, State] = field(default_factory=dict)
    others: dict[str, State] = field(default_factory=dict)
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


def state_of(status: os.stat_result) -> State:
    """The state of a file by its status."""
    return State(status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)


def is_photo(name: str) -> bool:
    """Whether a file has the name of a photo, and not that of a system's service file."""
    return os.path.splitext(name)[1].lower() in SUFFIXES and not is_service_name(name)  # noqa: PTH122  many a second


def is_unfinished(name: str) -> bool:
    """Whether a file has a name that programs use until it is complete."""
    return os.path.splitext(name)[1].lower() in UNFINISHED or name.endswith("~")  # noqa: PTH122  many a second


def _add(entry: os.DirEntry[str], result: Scan, folders: list[str], apart: str | None) -> None:
    try:
        if entry.is_dir():
            if is_service_name(entry.name) or entry.path == apart:
                return
            (result.links if entry.is_symlink() else folders).append(entry.path)
        elif not is_service_name(entry.name) and entry.is_file():
            files = result.photos if is_photo(entry.name) else result.others
            files[entry.path] = state_of(entry.stat())
    except OSError:  # the file was deleted meanwhile
        return
