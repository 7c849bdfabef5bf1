"""The folders of a data set: which of them are classes, and which files lie below."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from graft_device.errors import DatasetError, os_reason

_LITTER = {"thumbs.db", "desktop.ini"}
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # controls, bytes that are no text, line and paragraph separators


def entries_of_root(root: Path) -> list[tuple[Path, bool]]:
    """What lies in the folder, each with whether it is a folder; raises DatasetError if it can't be looked into."""
    try:
        if not root.is_dir():
            raise DatasetError(f"no such folder of photos: {root}")
    except OSError as error:
        raise _unreadable(root, error) from error
    return _entries(root)


def class_folders(root: Path, min_classes: int) -> tuple[list[Path], list[Path]]:
    """The class folders by name, and the files that lie beside them.

    Raises:
        DatasetError: too few folders, or names that cannot be labels.
    """
    entries = entries_of_root(root)
    folders = [path for path, is_folder in entries if is_folder]
    stray = [path for path, is_folder in entries if not is_folder]
    if len(folders) < min_classes:
        wanted = "one is" if min_classes == 1 else "two are"
        raise DatasetError(
            f"{root} has {len(folders)} class folder{'s' * (len(folders) != 1)}, at least {wanted} needed: "
            "put each class's photos into a folder of its own, named after the class"
        )
    for folder in folders:
        if any(unicodedata.category(character) in _UNPRINTABLE for character in folder.name):
            raise DatasetError(
                f"class folder {folder.name!a} has a line break or another character that can't be printed "
                "in its name, which is the label: rename it"
            )
    _refuse_twins(folders)
    return folders, stray


def _refuse_twins(folders: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for folder in folders:
        twin = seen.setdefault(unicodedata.normalize("NFC", folder.name.casefold()), folder)
        if twin is not folder:
            raise DatasetError(
                f"{quoted([twin.name, folder.name])} in {folder.parent} differ only by case or accents' encoding: "
                "merge the two folders, or rename one"
            )


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """What lies in a folder, by name, each with whether it is a folder; hidden names are passed over."""
    try:
        with os.scandir(folder) as entries:
            found = [(Path(entry.path), _is_folder(entry)) for entry in entries if not _hidden(entry.name)]
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(found, key=lambda entry: entry[0].name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle, or to where this user may not look; reading it will say so


def _unreadable(folder: Path, error: OSError) -> DatasetError:
    return DatasetError(f"cannot look into {folder}: {os_reason(error)}; change its permissions or remove it")


def files(folder: Path, parents: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """The files below a folder in a fixed order; linked folders are followed, but not in circles."""
    try:
        status = folder.stat()
    except OSError as error:
        raise _unreadable(folder, error) from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        return
    for path, is_folder in _entries(folder):
        if is_folder:
            yield from files(path, parents | {identity})
        else:
            yield path


def quoted(names: Iterable[str]) -> str:
    """Names as a sentence has them."""
    return " and ".join(f"'{name}'" for name in names)
