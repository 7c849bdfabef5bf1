"""Where each picture of a sorting table is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graft_host.inbox.collected import CollectedPhoto
from graft_host.photos.dataset import Photo, Skipped, read_files
from graft_host.sorting.journal import FileMove, Place
from graft_host.sorting.pictures import Found, known_picture
from graft_host.sorting.places import Folders
from graft_host.sorting.state import Destination, Picture


@dataclass
class Item:
    """A picture, where it is now, and its file as it was when it was read."""

    found: Found
    place: Place
    size: int
    mtime_ns: int

    @property
    def picture(self) -> Picture:
        """What is known of it."""
        return self.found.picture

    def move_to(self, target: Place) -> FileMove:
        """The move to another place; it is noticed if the file was changed meanwhile."""
        return FileMove(
            source=self.place, target=target, sha256=self.found.photo.digest, size=self.size, mtime_ns=self.mtime_ns
        )


class Items:
    """The pictures of a sorting table by id, and by place.

    Args:
        folders: the inbox and the photos.
        collected: what is known of the photos that were collected, by their SHA-256.
    """

    def __init__(self, folders: Folders, collected: Mapping[str, CollectedPhoto]) -> None:
        self._folders = folders
        self._collected = collected
        self._items: dict[str, Item] = {}
        self._ids: dict[Place, str] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __getitem__(self, picture_id: str) -> Item:
        return self._items[picture_id]

    def __contains__(self, picture_id: object) -> bool:
        return picture_id in self._items

    def destination(self, item: Item) -> Destination:
        """Where a picture was put."""
        return self._folders.destination(item.place)

    def add(self, found: Found, place: Place) -> None:
        """Adds a picture, unless its file has been removed meanwhile."""
        try:
            status = self._folders.path(place).lstat()
        except OSError:
            return
        self._items[found.picture.id] = Item(found, place, status.st_size, status.st_mtime_ns)
        self._ids[place] = found.picture.id

    def follow(self, file: FileMove) -> str | None:
        """Notes where a picture is after a move.

        Returns:
            Its id: a new one for a picture that was sorted before the table was opened, and is taken back now. None
            if such a picture cannot be read.
        """
        known = self._ids.pop(file.source, None)
        if known is None:
            return self._returned(file)
        self._items[known].place = file.target
        self._ids[file.target] = known
        return known

    def _returned(self, file: FileMove) -> str | None:
        (entry,) = read_files([self._folders.path(file.target)], 1)
        if isinstance(entry, Skipped):
            return None
        copy = 1
        while (picture := self._known(file, entry, copy)).id in self._items:
            copy += 1
        self.add(Found(picture, entry), file.target)
        return picture.id if picture.id in self else None

    def _known(self, file: FileMove, photo: Photo, copy: int) -> Picture:
        back = file.target if self._folders.destination(file.target).kind == "inbox" else file.source
        return known_picture(back.path, photo, self._collected, copy)
