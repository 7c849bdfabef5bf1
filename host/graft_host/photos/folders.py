"""Lists folders, and the files below them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from graft_device.errors import DatasetError, os_reason
from graft_device.system.service_names import is_service_name
from graft_host.support.sentence import listed

_MOST_NAMES = 3


def entries_of_root(root: Path) -> list[tuple[Path, bool]]:
    """Lists a folder; each entry comes with whether it is a folder. Raises DatasetError if it cannot be listed."""
    try:
        if not root.is_dir():
            raise DatasetError(f"no such folder of photos: {root}")
    except OSError as error:
        raise _unreadable(root, error) from error
    return entries(root)


def entries(folder: Path) -> list[tuple[Path, bool]]:
    """Lists a folder by name, without service names; each entry comes with whether it is a folder.

    Raises:
        DatasetError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as found:
            visible = [(Path(entry.path), _is_folder(entry)) for entry in found if not is_service_name(entry.name)]
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(visible, key=lambda entry: entry[0].name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a circular link, or one to a folder without permission; reading it will report that


def _unreadable(folder: Path, error: OSError) -> DatasetError:
    return DatasetError(f"cannot list {folder}: {os_reason(error)}", "change its permissions or remove it")


def files(folder: Path, parents: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """Yields the files below a folder in a fixed order; linked folders are followed, but not in circles."""
    try:
        status = folder.stat()
    except OSError as error:
        raise _unreadable(folder, error) from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for path, is_folder in entries(folder):
        if is_folder:
            yield from files(path, parents | {identity})
        else:
            yield path


def quoted(names: Iterable[str]) -> str:
    """Returns the names as part of a sentence: ``'cats' and 'dogs'``; of many names the first three and a count."""
    marks = [f"'{name}'" for name in names]
    if len(marks) > _MOST_NAMES + 1:
        marks[_MOST_NAMES:] = [f"{len(marks) - _MOST_NAMES:,} more"]
    return listed(marks)
