"""Adds photos to classes, in a way that can be undone: a photo comes out of the bin, so an undo puts it there."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath

from graft_device.errors import os_reason
from graft_device.system.durable import digest
from graft_host.photos.layout import Layout
from graft_host.sorting.journal import FileMove, Place
from graft_host.sorting.mover import Mover
from graft_host.sorting.moving import move_file
from graft_host.sorting.places import BIN, Folders, free_place
from graft_host.studio.album.incoming import Incoming
from graft_host.studio.album.moves import Moves
from graft_host.studio.album.planning import destination
from graft_host.studio.album.state import AlbumClass, AlbumState, Photo
from graft_host.studio.project.errors import StudioError


class Adding:
    """Adds photos; keeps the digests of those that have been compared.

    Args:
        moves: the moves of the project.
    """

    def __init__(self, moves: Moves) -> None:
        self._moves = moves
        self._digests: dict[Photo, str] = {}

    def add(
        self, mover: Mover, state: AlbumState, photos: Sequence[tuple[str, Incoming]], series: str
    ) -> list[str | None]:
        """Adds photos that are whole, each with its label.

        Args:
            mover: what moves, while the project is locked.
            state: the photos as they are now.
            photos: each with its label.
            series: what they share with others that one undo takes back.

        Returns:
            The place of each among the photos; None for one whose class has a file with the same content already.

        Raises:
            StudioError: a label cannot be used, or a file cannot be written.
        """
        layout = mover.folders.layout()
        places: list[str | None] = []
        for label, group in groupby(photos, key=lambda pair: pair[0]):
            places += self._add(mover, layout, label, state, [one for _, one in group], series)
        return places

    def _add(
        self, mover: Mover, layout: Layout, label: str, state: AlbumState, photos: Sequence[Incoming], series: str
    ) -> list[str | None]:
        to = destination(layout, label)
        folder = mover.folders.folder(to)
        known = self._contents(state.find(to.label or "unknown"), {one.size for one in photos})
        new: dict[str, Incoming] = {}
        for one in photos:
            if one.sha256 not in known:
                new.setdefault(one.sha256, one)
        self._moves.check([Place("photos", f"{folder}/new"), Place("inbox", f"{BIN}/{folder}/new")])
        staged: list[Place] = []
        try:
            files = []
            for one in new.values():
                staged.append(_staged(mover.folders, folder, one))
                files.append(_out_of_the_bin(mover.folders, staged[-1], folder, one))
            done = mover.move(files, to, series=series) if files else None
        except BaseException:
            for place in staged:
                mover.folders.path(place).unlink(missing_ok=True)
            raise
        if done is not None and done.left:
            raise StudioError(f"cannot add {done.left[0].name!r}: {done.left[0].reason}", "try again")
        moved = {} if done is None else {file.sha256: file.target.path for file in done.batch.files}
        return [moved.pop(one.sha256, None) for one in photos]

    def _contents(self, there: AlbumClass | None, sizes: set[int]) -> set[str]:
        """The digests of the photos of a class that have one of these sizes."""
        found = set()
        for photo in () if there is None else there.photos:
            if int(photo.version.rpartition("-")[2], 16) in sizes:
                if photo not in self._digests:
                    with contextlib.suppress(OSError):  # it was removed meanwhile
                        self._digests[photo] = digest(self._moves.folders.photos / photo.id)
                found.add(self._digests.get(photo, ""))
        return found


def _staged(folders: Folders, folder: PurePosixPath, photo: Incoming) -> Place:
    """Puts a photo into the bin, which it comes out of at once."""
    place = free_place(Place("inbox", f"{BIN}/{folder}/{photo.name}"), folders, ())
    path = folders.path(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        move_file(photo.path, path, photo.sha256, path.with_name(f".graft-sort-{photo.path.name}.tmp"))
    except OSError as error:
        raise StudioError(f"cannot write {photo.name!r}: {os_reason(error)}", "free space on the disk") from error
    return place


def _out_of_the_bin(folders: Folders, staged: Place, folder: PurePosixPath, photo: Incoming) -> FileMove:
    status = folders.path(staged).lstat()
    return FileMove(
        source=staged, target=Place("photos", (folder / photo.name).as_posix()), sha256=photo.sha256,
        size=status.st_size, mtime_ns=status.st_mtime_ns,
    )  # fmt: skip
