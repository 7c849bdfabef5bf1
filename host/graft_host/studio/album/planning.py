"""Plans moves: which files of the photos go where."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from graft_device.errors import os_reason
from graft_device.system.durable import digest
from graft_device.system.service_names import is_service_name
from graft_host.photos.layout import ClassFolder, Layout, is_unknown
from graft_host.sorting.journal import FileMove, Place
from graft_host.sorting.places import BIN, Folders, checked_label
from graft_host.sorting.state import Destination
from graft_host.studio.project.errors import StudioError


def file_of(photos: Path, root: Path, photo_id: str) -> Path:
    """The file of a photo.

    Args:
        photos: the folder of class folders.
        root: the project's folder, with its links resolved.
        photo_id: relative to the photos; anybody may have written it.

    Raises:
        StudioError: there is no such photo, or it leads out of the project.
    """
    check_id(photo_id)
    path = photos / photo_id
    try:
        inside = Path(os.path.realpath(path)).is_relative_to(root)
        plain = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise _gone(photo_id) from error
    if not inside:
        raise StudioError(f"{photo_id!r} leads out of the project", "replace the link by what it leads to")
    if not plain:
        raise _gone(photo_id)
    return path


def check_id(photo_id: str) -> None:
    """Raises StudioError for what cannot be the id of a photo, such as a path that leads upwards."""
    parts = photo_id.split("/")
    if len(parts) == 1 or "\0" in photo_id or any(part in {"", "."} or is_service_name(part) for part in parts):
        raise _gone(photo_id)


def _gone(photo_id: str) -> StudioError:
    return StudioError(f"there is no photo {photo_id!r}", "it may have been moved in another window")


def destination(layout: Layout, label: str) -> Destination:
    """Where photos of a label are put, whether there is such a class or not.

    Raises:
        SortError: it cannot be the label of a class.
    """
    composed = unicodedata.normalize("NFC", label.strip())
    if is_unknown(composed):
        return Destination("unknown")
    if composed in layout.classes:
        return Destination("class", composed)
    return Destination("class", checked_label(label, list(layout.classes)))


def moves_of(folders: Folders, layout: Layout, ids: Sequence[str], to: Destination) -> list[FileMove]:
    """The moves of photos to a class, the unknown photos or the bin; those that are there or are gone are left out.

    A photo stays in its part of a split that folders give: a wrong label among the test photos is put right there.
    """
    places: dict[str, PurePosixPath] = {}
    moves = []
    for one in dict.fromkeys(ids):
        source = Place("photos", one)
        if folders.destination(source) == to or not _is_plain(folders.path(source)):
            continue
        if to.kind == "bin":
            target = Place("inbox", f"{BIN}/{one}")
        else:
            part = _part_of(layout, one)
            if part not in places:
                places[part] = folders.folder(to, part)
            target = Place("photos", (places[part] / PurePosixPath(one).name).as_posix())
        moves.append(file_move(folders, source, target))
    return moves


def moves_of_class(
    folders: Folders, class_folders: Sequence[ClassFolder], to: Destination
) -> tuple[list[FileMove], tuple[str, ...], tuple[str, ...]]:
    """The moves of all that is in the folders of a class, hidden files too, so that the folders can be removed.

    Returns:
        The moves, the folders to make, and the folders to remove.
    """
    moves, made, gone = [], [], []
    for folder in class_folders:
        old = PurePosixPath(folder.path.relative_to(folders.photos).as_posix())
        new = folders.folder(to, folder.part or "train") if to.kind != "bin" else None
        for inner, names in _inside(folder.path):
            gone.append((old / inner).as_posix())
            if new is not None and not (folders.photos / new / inner).exists():
                made.append((new / inner).as_posix())
            for name in names:
                source = Place("photos", (old / inner / name).as_posix())
                target = (
                    Place("inbox", f"{BIN}/{source.path}")
                    if new is None
                    else Place("photos", (new / inner / name).as_posix())
                )
                moves.append(file_move(folders, source, target))
    return moves, tuple(made), tuple(sorted(gone, reverse=True))


def known_folders(layout: Layout, label: str) -> tuple[ClassFolder, ...]:
    """The folders of a class, or of the unknown photos; raises StudioError if there is no such class."""
    if is_unknown(label):
        found = tuple(one for one in layout.unknown if isinstance(one, ClassFolder))
    else:
        found = layout.classes.get(label, ())
    if not found:
        raise StudioError(f"there is no class {label!r}", "it may have been renamed in another window")
    return found


def file_move(folders: Folders, source: Place, target: Place) -> FileMove:
    """The move of a file as it is now.

    Its content is read only where the new place is on another file system, which may keep other times of change.

    Raises:
        StudioError: it cannot be read.
    """
    path = folders.path(source)
    try:
        status = path.lstat()
        apart = (folders.photos if target.root == "photos" else folders.inbox).stat().st_dev != status.st_dev
        sha256 = digest(path) if apart else ""
    except OSError as error:
        raise StudioError(f"cannot read {source.path!r}: {os_reason(error)}", "try again") from error
    return FileMove(source=source, target=target, sha256=sha256, size=status.st_size, mtime_ns=status.st_mtime_ns)


def _part_of(layout: Layout, photo_id: str) -> str:
    """The part of the split that a photo is in by its folder; ``train`` where folders give none."""
    first = PurePosixPath(photo_id).parts[0]
    return next((part for part, folder in layout.parts.items() if folder.name == first), "train")


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _inside(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The folders in a folder, itself too, relative to it, each with the names of its plain files."""
    for path, _, names in os.walk(folder):
        yield os.path.relpath(path, folder), [name for name in sorted(names) if _is_plain(Path(path, name))]
