"""The photos of a project: looked up, added, moved between classes, and put into a bin, all of which can be undone."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from graft_device.ranking import UNKNOWN
from graft_host.photos.layout import Layout
from graft_host.sorting.journal import Batch, FileMove, Place
from graft_host.sorting.mover import Done, Mover
from graft_host.sorting.page.pictures import Thumbnails, whole
from graft_host.sorting.places import BIN, checked_label
from graft_host.sorting.state import Destination
from graft_host.studio.album import planning
from graft_host.studio.album.adding import Adding
from graft_host.studio.album.incoming import Incoming, IncomingFolder
from graft_host.studio.album.listing import Listing
from graft_host.studio.album.moves import Moves, change_of
from graft_host.studio.album.state import AlbumState, Photo
from graft_host.studio.album.watching import watch
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.project.signal import Signal
from graft_host.support.cache import default_cache

THUMBNAIL_SIDE = 256
"""The longest side of a thumbnail, in pixels."""

LOOK_S = 1.0
"""How often the folders are looked at for what other programs have changed."""


class Album:
    """The photos of a project. Its methods may be called from several threads, and other programs may add photos.

    Attributes:
        changed: emitted after each change of the photos.
        incoming: the folder for uploads that are not whole yet.
    """

    def __init__(self, project: Project, cache: Path | None) -> None:
        self.changed = Signal()
        self.incoming = IncomingFolder(project)
        self._project = project
        self._moves = Moves(project)
        self._listing = Listing(project.root)
        self._adding = Adding(self._moves)
        self._thumbnails = Thumbnails(cache or default_cache(), THUMBNAIL_SIDE)
        self._guard = threading.Lock()
        self._run, self._revision = secrets.token_hex(4), 0
        self._state: AlbumState | None = None
        self._looked = 0.0

    def __enter__(self) -> Album:
        """Removes what a killed studio left, and looks for changes by other programs while a page shows the photos."""
        self.incoming.tidy()
        watch(self, LOOK_S)
        return self

    def __exit__(self, *_: object) -> None:
        """Removes what was on its way in."""
        self.incoming.close()

    def state(self) -> AlbumState:
        """The photos as they are now; quick, for it is kept until something changes."""
        if self._state is None or time.monotonic() - self._looked > 2 * LOOK_S:
            return self.refresh()
        return self._state

    def refresh(self) -> AlbumState:
        """Looks at the folders, and at what other programs have moved."""
        with self._guard:
            undo, redo = self._moves.history()
            folders = self._moves.folders
            listed, binned = self._listing.read(folders.photos, folders.inbox / BIN)
            before = self._state
            new = AlbumState(
                revision="" if before is None else before.revision, classes=listed.classes, unknown=listed.unknown,
                binned=binned, undo=undo.text if undo else None, redo=redo.text if redo else None,
                undo_change=undo, redo_change=redo, refused=listed.refused,
            )  # fmt: skip
            self._looked = time.monotonic()
            if new != before:
                self._revision += 1
                self._state = new = replace(new, revision=f"{self._run}-{self._revision}")
        if before is not None and new is not before and new.revision != before.revision:
            self.changed.emit()
        return new

    def path(self, photo_id: str) -> Path:
        """The file of a photo; raises StudioError if there is none, or if it leads out of the project."""
        return planning.file_of(self._moves.folders.photos, self._project.root, photo_id)

    def thumbnail(self, photo_id: str) -> bytes:
        """A JPEG of at most 256 pixels a side, made once; raises PhotoError or StudioError."""
        return self._thumbnails.thumbnail(self.path(photo_id))

    def picture(self, photo_id: str) -> bytes:
        """A JPEG of at most 1,600 pixels a side; raises PhotoError or StudioError."""
        return whole(self.path(photo_id))

    def add(self, label: str, name: str, content: bytes, *, series: str = "") -> Photo | None:
        """Adds a photo to a class, or to ``unknown``, which is made if it is missing.

        Args:
            label: of the class.
            name: the file's name, of which the last part is used, and a number added if it is taken.
            content: of the file.
            series: what photos share that one undo takes back, such as those of a recording; empty for none.

        Returns:
            The photo; None if the class has a file with the same content already.

        Raises:
            PhotoError: it is no photo that graftkit reads.
            StudioError: the class cannot be made, or the file cannot be written.
        """
        (photo,) = self.add_received([(label, self.incoming.received(name, content))], series=series)
        return photo

    def add_received(self, photos: Sequence[tuple[str, Incoming]], *, series: str = "") -> list[Photo | None]:
        """Adds photos that ``incoming.received`` has checked, each with its label; as ``add`` otherwise."""
        with self._moving() as mover:
            places = self._adding.add(mover, self.state(), photos, series)
        wanted = {place for place in places if place is not None}
        state = self.state()
        found = {photo.id: photo for one in state.groups for photo in one.photos if photo.id in wanted}
        return [found.get(place) if place is not None else None for place in places]

    def add_class(self, label: str) -> str:
        """Adds a class, with an empty folder; returns its label. Raises StudioError if the label cannot be used."""
        with self._moving() as mover:
            layout = mover.folders.layout()
            to = Destination("class", checked_label(label, list(layout.classes)))
            folder = mover.folders.folder(to)
            self._moves.check([Place("photos", f"{folder}/new")])
            mover.move([], to, made=(folder.as_posix(),))
        return to.label

    def rename_class(self, label: str, new: str) -> str:
        """Renames a class, into another one if there is one of the new name, as a move that can be undone."""
        with self._moving() as mover:
            layout = mover.folders.layout()
            folders = planning.known_folders(layout, label)
            others = {key: same for key, same in layout.classes.items() if key != label}
            to = planning.destination(replace(layout, classes=others), new)
            result = to.label or UNKNOWN
            if result != label:
                files, made, gone = planning.moves_of_class(mover.folders, folders, to)
                self._move(mover, files, to, made, gone)
        return result

    def delete_class(self, label: str) -> None:
        """Puts all photos of a class into the bin and removes its folder, which an undo brings back."""
        with self._moving() as mover:
            folders = planning.known_folders(mover.folders.layout(), label)
            files, made, gone = planning.moves_of_class(mover.folders, folders, Destination("bin"))
            self._move(mover, files, Destination("bin"), made, gone)

    def move(self, ids: Sequence[str], label: str) -> int:
        """Moves photos to a class or to ``unknown``; returns how many were moved. Raises StudioError."""
        with self._moving() as mover:
            layout = mover.folders.layout()
            return self._move_photos(mover, layout, ids, planning.destination(layout, label))

    def delete(self, ids: Sequence[str]) -> int:
        """Puts photos into the bin; returns how many. Raises StudioError."""
        with self._moving() as mover:
            return self._move_photos(mover, mover.folders.layout(), ids, Destination("bin"))

    def undo(self) -> str | None:
        """Takes the last change back, also one from before a restart; returns what, None for nothing."""
        with self._moving() as mover:
            return self._stepped(mover.history.done, mover.undo)

    def redo(self) -> str | None:
        """Does again what was taken back last; returns what, None for nothing."""
        with self._moving() as mover:
            return self._stepped(mover.history.undone, mover.redo)

    @contextlib.contextmanager
    def _moving(self) -> Iterator[Mover]:
        """Locks the project for one change, and looks at the folders when it is done."""
        try:
            with self._moves.moving() as mover:
                yield mover
        finally:
            self.refresh()

    def _move_photos(self, mover: Mover, layout: Layout, ids: Sequence[str], to: Destination) -> int:
        for one in ids:
            planning.check_id(one)
        return self._move(mover, planning.moves_of(mover.folders, layout, ids, to), to)

    def _move(
        self, mover: Mover, files: Sequence[FileMove], to: Destination, made: tuple[str, ...] = (),
        gone: tuple[str, ...] = (),
    ) -> int:  # fmt: skip
        if not files and not made and not gone:
            return 0
        self._moves.check_files(files)
        self._moves.check([Place("photos", f"{folder}/new") for folder in (*made, *gone)])
        return _count(mover.move(files, to, made=made, gone=gone))

    def _stepped(self, batches: Sequence[Batch], step: Callable[[], Done | None]) -> str | None:
        if not batches:
            return None
        self._moves.check_files(batches[-1].files)
        text = change_of(batches[-1], self._moves.folders).text
        done = step()
        if done is not None:
            _count(done)
        return text


def _count(done: Done) -> int:
    """The number of photos that were moved; raises StudioError if the system did not let some be moved."""
    if done.left:
        files = len(done.batch.files) + len(done.left)
        raise StudioError(
            f"{len(done.left):,} of {files:,} photos were not moved; {done.left[0].name!r}: {done.left[0].reason}",
            "look at what is left, and try again",
        )
    return len(done.batch.files)
