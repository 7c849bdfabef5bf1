"""Lists the photos of class folders by their names alone, and reads only the folders again that have changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import DatasetError
from graft_device.system.service_names import is_service_name
from graft_host.photos.layout import ClassFolder, Layout, find_layout
from graft_host.studio.album.names import is_photo_name
from graft_host.studio.album.state import AlbumClass, Photo

_UNSETTLED_NS = 2_000_000_000
"""A folder that changed so recently may change again without another time of change."""


@dataclass(frozen=True)
class Listed:
    """What is among the photos.

    Attributes:
        classes: in the order of their labels.
        unknown: the photos that are none of the classes; None if there is no such folder.
        refused: what is not shown, with the reasons.
    """

    classes: tuple[AlbumClass, ...] = ()
    unknown: AlbumClass | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Folder:
    """One folder, as it was when it was listed: its photos with their times of change, the newest first."""

    changed_ns: int
    settled: bool
    photos: tuple[tuple[int, Photo], ...]
    folders: tuple[str, ...]
    refused: tuple[str, ...]


class Listing:
    """The listing of a project; one thread at a time may use it.

    Args:
        root: the folder that no link may lead out of, with its own links resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, _Folder] = {}
        self._seen: dict[str, _Folder] = {}

    def read(self, photos: Path, binned: Path) -> tuple[Listed, int]:
        """Lists the photos in their classes, and counts those in the bin.

        Args:
            photos: the folder of class folders.
            binned: the folder of the bin; it may be missing.
        """
        self._seen = {}
        layout, refused = _layout(photos)
        classes = []
        for label, folders in layout.classes.items():
            if inside := self._own(photos, folders, refused):
                classes.append(AlbumClass(label, self._photos(photos, inside, refused)))
        none = self._own(photos, [one for one in layout.unknown if isinstance(one, ClassFolder)], refused)
        unknown = AlbumClass("unknown", self._photos(photos, none, refused)) if none else None
        count = sum(len(folder.photos) for folder in self._walk(str(binned), "", frozenset()))
        self._folders = self._seen
        return Listed(tuple(classes), unknown, tuple(refused)), count

    def _own(self, photos: Path, folders: Sequence[ClassFolder], refused: list[str]) -> list[ClassFolder]:
        """The folders that no link puts outside the project, and whose names are text."""
        inside = []
        for folder in folders:
            if not self.is_inside(str(folder.path)):
                refused.append(
                    f"{_shown(folder.path.relative_to(photos).as_posix())}: a link that leads out of the project"
                )
            else:
                inside.append(folder)
        return inside

    def is_inside(self, path: str) -> bool:
        """Whether a path is in the project once its links are resolved."""
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _photos(self, photos: Path, folders: Sequence[ClassFolder], refused: list[str]) -> tuple[Photo, ...]:
        """The photos of a class, the newest first."""
        listed: list[_Folder] = []
        for folder in folders:
            prefix = f"{folder.path.relative_to(photos).as_posix()}/"
            listed += self._walk(str(folder.path), prefix, frozenset())
        refused += [line for folder in listed for line in folder.refused]
        filled = [folder.photos for folder in listed if folder.photos]
        if len(filled) == 1:
            return tuple(photo for _, photo in filled[0])
        newest = sorted((pair for one in filled for pair in one), key=_newest)
        return tuple(photo for _, photo in newest)

    def _walk(self, path: str, prefix: str, parents: frozenset[tuple[int, int]]) -> Iterator[_Folder]:
        """A folder and those in it; linked folders are followed, but not in circles."""
        try:
            status = os.stat(path)  # noqa: PTH116  thousands of times
            identity = (status.st_dev, status.st_ino)
            if identity in parents:
                return
            folder = self._folders.get(path)
            if folder is None or not folder.settled or folder.changed_ns != status.st_mtime_ns:
                folder = self._listed(path, prefix, status.st_mtime_ns)
        except OSError:
            return
        self._seen[path] = folder
        yield folder
        for name in folder.folders:
            yield from self._walk(f"{path}/{name}", f"{prefix}{name}/", parents | {identity})

    def _listed(self, path: str, prefix: str, changed_ns: int) -> _Folder:
        settled = changed_ns < time.time_ns() - _UNSETTLED_NS
        photos, folders, refused = [], [], []
        with os.scandir(path) as found:
            for entry in found:
                name = entry.name
                if is_service_name(name):
                    continue
                try:
                    if not name.isascii():
                        name.encode()
                    if entry.is_symlink() and not self.is_inside(entry.path):
                        refused.append(f"{prefix}{name}: a link that leads out of the project")
                    elif entry.is_dir():
                        folders.append(name)
                    elif is_photo_name(name) and stat.S_ISREG((status := entry.stat()).st_mode):
                        photos.append((status.st_mtime_ns, Photo(prefix + name, version_of(status))))
                except UnicodeEncodeError:
                    refused.append(f"{_shown(prefix + name)}: its name is not text")
                except OSError:  # it was removed meanwhile, or is a link to nothing
                    continue
        photos.sort(key=_newest)
        return _Folder(changed_ns, settled, tuple(photos), tuple(sorted(folders)), tuple(sorted(refused)))


def version_of(status: os.stat_result) -> str:
    """The version of a photo: its time of change and its size, in hex."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _newest(pair: tuple[int, Photo]) -> tuple[int, str]:
    return -pair[0], pair[1].id


def _layout(photos: Path) -> tuple[Layout, list[str]]:
    """The class folders; where they are in a disorder, every folder is one, and the reason is returned too."""
    try:
        return find_layout(photos, 0, unknown=True), []
    except DatasetError as error:
        classes: dict[str, tuple[ClassFolder, ...]] = {}
        unknown: tuple[ClassFolder, ...] = ()
        try:
            folders = [ClassFolder(path) for path in sorted(photos.iterdir()) if path.is_dir()]
        except OSError:
            folders = []
        for folder in folders:
            if is_service_name(folder.path.name) or _shown(folder.label) != folder.label:
                continue
            if folder.is_unknown:
                unknown = (*unknown, folder)
            else:
                classes[folder.label] = (*classes.get(folder.label, ()), folder)
        return Layout(dict(sorted(classes.items())), (), {}, unknown=unknown), [str(error)]


def _shown(name: str) -> str:
    """A name as text that can be sent, whatever bytes it has."""
    return name.encode(errors="backslashreplace").decode()
