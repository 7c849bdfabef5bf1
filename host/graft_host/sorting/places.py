"""Where pictures are put: the class folders among the photos, the bin in the inbox, and names that are free there."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from graft_device.classifier import UNKNOWN
from graft_device.errors import DatasetError
from graft_device.system.service_names import is_service_name
from graft_host.photos.layout import NAMES, ClassFolder, Layout, check_names, find_layout, is_unknown
from graft_host.sorting.journal import Place
from graft_host.sorting.state import Destination, SortError

WORK = ".sorting"
"""The folder in the inbox that has the journal."""

BIN = ".bin"
"""The folder in the inbox that has the pictures that nobody wants."""

_LONGEST = 200  # bytes of the name of a folder, of 255 that file systems take

_SPLIT_NAMES = {name for names in NAMES.values() for name in names}


@dataclass(frozen=True)
class Folders:
    """The two folders of a sorting table.

    Attributes:
        inbox: the folder of pictures that are sorted.
        photos: the folder with the class folders; it may be missing.
    """

    inbox: Path
    photos: Path

    def path(self, place: Place) -> Path:
        """The path of a place."""
        return (self.inbox if place.root == "inbox" else self.photos) / place.path

    def layout(self) -> Layout:
        """The class folders among the photos; raises DatasetError if they are in a disorder."""
        return find_layout(self.photos, 0, unknown=True) if self.photos.exists() else Layout({}, (), {})

    def wanted(self, to: Destination, names: Sequence[str]) -> list[Place]:
        """Where pictures would be put if all names were free there.

        Photos that are split by their folders get new ones in the training part.

        Args:
            to: the destination.
            names: of the pictures relative to the inbox.
        """
        if to.kind == "inbox":
            return [Place("inbox", name) for name in names]
        if to.kind == "bin":
            return [Place("inbox", f"{BIN}/{name}") for name in names]
        folder = self.folder(to)
        return [Place("photos", (folder / PurePosixPath(name).name).as_posix()) for name in names]

    def destination(self, place: Place) -> Destination:
        """The destination that a place belongs to."""
        parts = PurePosixPath(place.path).parts
        if place.root == "inbox":
            return Destination("bin" if parts[0] == BIN else "inbox")
        inside = parts[1:] if len(parts) > 2 and parts[0].casefold() in _SPLIT_NAMES else parts  # noqa: PLR2004
        label = unicodedata.normalize("NFC", inside[0])
        return Destination("unknown") if is_unknown(label) else Destination("class", label)

    def folder(self, to: Destination, part: str = "train") -> PurePosixPath:
        """The folder of a class or of the unknown photos, relative to the photos, whether it is there or not.

        Args:
            to: the class, or the unknown photos.
            part: the part of the split, for photos that are split by their folders.
        """
        layout = self.layout()
        folders = layout.unknown if to.kind == "unknown" else layout.classes.get(to.label, ())
        for folder in folders:
            if isinstance(folder, ClassFolder) and folder.part in {"", part}:
                return PurePosixPath(folder.path.relative_to(self.photos).as_posix())
        top = layout.parts.get(part) or layout.parts.get("train")
        return PurePosixPath(*([top.name] if top else []), UNKNOWN if to.kind == "unknown" else to.label)


def check_folders(inbox: Path, photos: Path) -> Folders:
    """The two folders, with their links resolved.

    Raises:
        SortError: the inbox is missing, one is inside the other, or one is not a folder.
    """
    if not inbox.is_dir():
        raise SortError(f"no such folder of pictures: {inbox}", "give the folder that 'graft collect' writes into")
    if photos.exists() and not photos.is_dir():
        raise SortError(f"{photos} is not a folder", "give the folder that has a folder of photos per class")
    first, second = Path(os.path.realpath(inbox)), Path(os.path.realpath(photos))
    if first.is_relative_to(second) or second.is_relative_to(first):
        raise SortError(
            f"the inbox {inbox} and the photos {photos} are one inside the other", "keep them in folders side by side"
        )
    return Folders(first, second)


def checked_label(label: str, known: Collection[str]) -> str:
    """A label for a new class, with accents composed.

    Args:
        label: what a person wrote.
        known: the classes that there are.

    Raises:
        SortError: it cannot be the name of a class folder beside those that there are.
    """
    composed = unicodedata.normalize("NFC", label.strip())
    if composed in known:
        raise SortError(f"there is a class '{composed}' already", "put the pictures there")
    if not composed or "/" in composed or len(composed.encode(errors="replace")) > _LONGEST:
        raise SortError(f"{composed!r} cannot be the name of a folder", "give a short name without a slash")
    if is_service_name(composed):
        raise SortError(f"a folder '{composed}' would be taken for one of the system", "choose another name")
    try:
        check_names("the list of classes", [*known, composed])
    except DatasetError as error:
        raise SortError(error.what, "choose another name") from error
    if is_unknown(composed):
        raise SortError(f"'{composed}' is the folder of photos that are none of the classes", "choose another name")
    if composed.casefold() in _SPLIT_NAMES:
        raise SortError(f"a folder '{composed}' would name a part of the split", "choose another name")
    return composed


def free_place(wanted: Place, folders: Folders, taken: Collection[str]) -> Place:
    """A place whose name is free: the wanted one, or one with a number before its ending.

    Args:
        wanted: the place.
        folders: the two folders.
        taken: paths, in lower case, that are given to other pictures.
    """
    path = PurePosixPath(wanted.path)
    candidate, number = wanted, 1
    while str(folders.path(candidate)).casefold() in taken or os.path.lexists(folders.path(candidate)):
        number += 1
        candidate = Place(wanted.root, path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix())
    return candidate
