"""Archives that a browser sends: unpacked within limits, and their photos with the classes that they belong to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import DatasetError, os_reason
from graft_host.photos.folders import files
from graft_host.photos.given.archive import SUFFIXES, extract, inner
from graft_host.photos.layout import find_layout
from graft_host.studio.project.errors import StudioError

MOST_FILES = 100_000
"""In one archive."""

MOST_BYTES = 20_000_000_000
"""Of one archive's files, unpacked."""


@dataclass(frozen=True)
class Packed:
    """A file of an archive.

    Attributes:
        label: of its class.
        path: where it was unpacked.
        name: its path in the archive.
    """

    label: str
    path: Path
    name: str


def archive_ending(name: str) -> str:
    """The ending of an archive, such as ``.tar.gz``; empty if a file is none by its name."""
    return next((ending for ending in sorted(SUFFIXES, key=len)[::-1] if name.lower().endswith(ending)), "")


def unpack(archive: Path, name: str, folder: Path, label: str) -> Iterator[Packed]:
    """Unpacks an archive.

    Args:
        archive: the file.
        name: what a person calls it.
        folder: an empty folder.
        label: the class of all its files; empty if the folders in it are the classes.

    Raises:
        StudioError: it has too much in it, or there is no room for it.
        DatasetError: it is damaged, or its folders are no classes.
    """

    def check(count: int, size: int) -> None:
        if count > MOST_FILES or size > MOST_BYTES:
            raise StudioError(
                f"{name} has more than {MOST_FILES:,} files or {MOST_BYTES / 1e9:.0f} GB", "give its parts one by one"
            )
        if size > shutil.disk_usage(folder).free:
            raise StudioError(f"there is no room for the {size / 1e9:.1f} GB of {name}", "free space on the disk")

    try:
        extract(archive, folder, check)
        found = [(label, path) for path in files(folder)] if label else _in_classes(inner(folder), name)
    except DatasetError as error:
        raise error.renamed(archive, name).renamed(folder, name) from error
    except OSError as error:
        raise StudioError(f"cannot unpack {name}: {os_reason(error)}", "free space on the disk") from error
    for one, path in found:
        yield Packed(one, path, path.relative_to(folder).as_posix())


def _in_classes(root: Path, name: str) -> list[tuple[str, Path]]:
    """The files of each class; a single folder of photos is a class itself."""
    layout = find_layout(root, 0, unknown=True)
    found = [(label, photo.path) for label in layout.classes for photo in layout.photos(label)]
    found += [("unknown", photo.path) for photo in layout.negatives()]
    if not found:
        raise DatasetError(f"{name} has no folder of photos per class", "choose the class for them first")
    return found
