"""Finds the class folders of a data set: below its root, or below the folders ``train``, ``val`` and ``test`` in it."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graft_device.errors import DatasetError
from graft_device.ranking import UNKNOWN
from graft_host.photos.folders import entries, entries_of_root, files, quoted

NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""The names, in lower case, of folders that give a part of the split."""

PARTS = {name: part for part, names in NAMES.items() for name in names}
"""The part of the split by such a name."""

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # control characters, bytes that are not text, line and paragraph separators


@dataclass(frozen=True)
class ListedPhoto:
    """A photo that a list of labels names.

    Attributes:
        path: the file.
        part: the part of the split that the list gives it; empty where it gives none.
    """

    path: Path
    part: str = ""


@dataclass(frozen=True)
class ClassFolder:
    """A folder of photos of one class.

    Attributes:
        path: the folder.
        part: the part of the split that it is in: ``train``, ``validation`` or ``test``; empty where folders give none.
    """

    path: Path
    part: str = ""

    @property
    def label(self) -> str:
        """The name of the class: the folder's name with accents composed (NFC), whatever system wrote it."""
        return unicodedata.normalize("NFC", self.path.name)

    @property
    def is_unknown(self) -> bool:
        """Whether the folder has the name that the board gives to unknown photos."""
        return is_unknown(self.label)

    def photos(self) -> Iterator[ListedPhoto]:
        """All files in the folder."""
        return (ListedPhoto(path, self.part) for path in files(self.path))


@dataclass(frozen=True)
class Layout:
    """The classes of a data set, and where their photos are.

    Attributes:
        classes: the class folders by label, in code point order; several for a class that is in several parts.
        stray: files outside the class folders.
        parts: the folders or lists that give the split, by the part; empty where they give none.
        listed: the photos that lists of labels name, by label.
        left_out: files that are named, but cannot be used, each with the reason.
        unknown: the folders of photos that are of none of the classes, and such photos that lists name.
    """

    classes: Mapping[str, tuple[ClassFolder, ...]]
    stray: tuple[Path, ...]
    parts: Mapping[str, Path]
    listed: Mapping[str, tuple[ListedPhoto, ...]] = field(default_factory=dict)
    left_out: tuple[tuple[Path, str], ...] = ()
    unknown: tuple[ClassFolder | ListedPhoto, ...] = ()

    def photos(self, label: str) -> Iterator[ListedPhoto]:
        """All files of a class."""
        for folder in self.classes[label]:
            yield from folder.photos()
        yield from self.listed.get(label, ())

    def negatives(self) -> Iterator[ListedPhoto]:
        """All files of photos that are of none of the classes."""
        for found in self.unknown:
            yield from (found.photos() if isinstance(found, ClassFolder) else [found])


def is_unknown(label: str) -> bool:
    """Whether a label is the name that the board gives to unknown photos; case makes no difference."""
    return label.casefold() == UNKNOWN


def find_layout(root: Path, min_classes: int, *, unknown: bool = False) -> Layout:
    """Finds the class folders of a data set.

    If the folders in the root are named ``train``, ``val`` and ``test`` (or as in ``NAMES``; case makes no difference),
    at least two of them, they give the split, and the classes are the folders inside. One without class folders, such
    as a test without answers, counts as missing. A folder ``train`` alone with two folders inside gives the training
    photos. A class may have such a name beside other classes.

    Args:
        root: the folder.
        min_classes: the number of classes that are needed.
        unknown: whether folders named ``unknown`` hold photos that are of none of the classes, beside the class folders
            or beside the folders that give the split.

    Raises:
        DatasetError: there are too few classes, a name cannot be a label, or a folder cannot be listed.
    """
    inside = entries_of_root(root)
    stray = [path for path, is_folder in inside if not is_folder]
    parts: dict[str, Path] = {}
    classes = [ClassFolder(path) for path, is_folder in inside if is_folder]
    none = [folder for folder in classes if unknown and folder.is_unknown]
    folders = [folder.path for folder in classes if folder not in none]
    if named := _named_parts(root, folders):
        classes = []
        for part, folder in named.items():
            below = entries(folder)
            stray += [path for path, is_folder in below if not is_folder]
            own = [ClassFolder(path, part) for path, is_folder in below if is_folder]
            none += [folder for folder in own if unknown and folder.is_unknown]
            if own := [folder for folder in own if folder not in none]:
                parts[part] = folder
                classes += own
    classes = [folder for folder in classes if folder not in none]
    return Layout(_by_label(root, classes, min_classes), tuple(stray), parts, unknown=tuple(none))


def _named_parts(root: Path, folders: list[Path]) -> dict[str, Path]:
    """Returns the folders that give the split, by part; none if the folders in the root are classes."""
    named: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        if part := PARTS.get(folder.name.casefold()):
            named[part].append(folder)
    others = [folder.name for folder in folders if folder.name.casefold() not in PARTS]
    alone = not others and [*named] == ["train"] and len(_class_names(folders[0])) > 1
    if (len(named) < 2 and not alone) or (others and not _same_classes(named)):  # noqa: PLR2004  parts
        return {}
    ordered = {part: named[part] for part in NAMES if part in named}
    names = [folder.name for same in ordered.values() for folder in same]
    for part, same in ordered.items():
        if len(same) > 1:
            raise DatasetError(
                f"{quoted(folder.name for folder in same)} in {root} both name the {part} photos", "merge the folders"
            )
    if others:
        raise DatasetError(
            f"{root} contains {quoted(others)} beside the split into {quoted(names)}", "move the former out of it"
        )
    if "train" not in ordered:
        return {} if not any(_class_names(same[0]) for same in ordered.values()) else _single(ordered)
    if not _class_names(ordered["train"][0]):
        raise DatasetError(
            f"{root} is split into {quoted(names)}, but there are no class folders in '{ordered['train'][0].name}'",
            "put each class's photos into a folder of its own in each of them, or rename the folders if they are "
            "classes",
        )
    return _single(ordered)


def _single(named: Mapping[str, list[Path]]) -> dict[str, Path]:
    return {part: folders[0] for part, folders in named.items()}


def _same_classes(named: Mapping[str, list[Path]]) -> bool:
    """Whether the training folder and that of another part contain folders of the same name."""
    names = {part: {name for folder in folders for name in _class_names(folder)} for part, folders in named.items()}
    trained = names.pop("train", set())
    return any(trained & others for others in names.values())


def _class_names(folder: Path) -> set[str]:
    return {path.name for path, is_folder in entries(folder) if is_folder}


def _by_label(root: Path, folders: list[ClassFolder], min_classes: int) -> dict[str, tuple[ClassFolder, ...]]:
    classes: dict[str, list[ClassFolder]] = defaultdict(list)
    for folder in sorted(folders, key=lambda folder: folder.label):
        classes[folder.label].append(folder)
    if len(classes) < min_classes:
        needed = "one is" if min_classes == 1 else "two are"
        raise DatasetError(
            f"{root} has {len(classes)} class folder{'s' * (len(classes) != 1)}, but at least {needed} needed",
            "put each class's photos into a folder of its own, named after the class",
        )
    for folder in folders:
        if not _printable(folder.path.name):
            raise DatasetError(
                f"the name of class folder {folder.path.name!a}, which is its label, has a line break or another "
                "character that can't be printed",
                "rename it",
            )
    _refuse_twins(root, folders)
    return {label: tuple(same) for label, same in classes.items()}


def check_names(where: str, labels: Iterable[str]) -> None:
    """Raises DatasetError if a label cannot be printed, or two differ only in case.

    Args:
        where: what has the labels, in messages.
        labels: accents composed.
    """
    seen: dict[str, str] = {}
    for label in labels:
        if not _printable(label):
            raise DatasetError(
                f"the label {label!a} in {where} has a line break or another character that can't be printed",
                "rename it",
            )
        twin = seen.setdefault(label.casefold(), label)
        if twin != label:
            raise DatasetError(f"{quoted([twin, label])} in {where} differ only in case", "rename one")


def _printable(name: str) -> bool:
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in name)


def _refuse_twins(root: Path, folders: Iterable[ClassFolder]) -> None:
    """Raises DatasetError if names differ only in case, or within a part only in the encoding of accents."""
    seen: dict[str, ClassFolder] = {}
    for folder in folders:
        twin = seen.setdefault(unicodedata.normalize("NFC", folder.path.name.casefold()), folder)
        if twin is not folder and (twin.part == folder.part or twin.label != folder.label):
            raise DatasetError(
                f"{quoted([twin.path.name, folder.path.name])} in {root} differ only in case or in the encoding of "
                "accents",
                "merge the two folders, or rename one",
            )
