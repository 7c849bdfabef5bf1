"""A sorting table: the pictures of an inbox in groups, moves into classes, and undo and redo that survive a crash."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graft_device.ranking import UNKNOWN
from graft_device.runtime import threads_to_use
from graft_host.photos.layout import is_unknown
from graft_host.sorting.grouping import Known, arranged
from graft_host.sorting.items import Items
from graft_host.sorting.journal import Place
from graft_host.sorting.material import Material, gathered
from graft_host.sorting.mover import Done, Mover
from graft_host.sorting.opening import checked_cache, note_left, open_mover
from graft_host.sorting.options import SortOptions
from graft_host.sorting.places import check_folders, checked_label
from graft_host.sorting.state import ClassCount, Destination, Group, Moved, Picture, SortError, TableState
from graft_host.support.reporter import Reporter

_RETURNED = Group(id="returned", title="taken back", kind="cluster", label=None, pictures=())
"""The group of pictures that were sorted when the others were grouped, and have been taken back since."""


class SortingTable:
    """The pictures of an inbox; a context manager. No other table of the same inbox can be open meanwhile.

    All methods may be called from several threads.

    Attributes:
        inbox: the folder of pictures, with its links resolved.
        photos: the folder with the class folders, with its links resolved; it is made by the first move into it.
        skipped: the files in the inbox that cannot be sorted, and why.
    """

    def __init__(self, mover: Mover, material: Material, threads: int, opened: contextlib.ExitStack) -> None:
        """Lays out what was gathered; ``open_table`` does that."""
        self._threads = threads
        self.inbox = mover.folders.inbox
        self.photos = mover.folders.photos
        self.skipped = material.inbox.skipped
        self._mover = mover
        self._material = material
        self._opened = opened
        self._guard = threading.RLock()
        self._groups: list[Group] = []
        self._members: dict[str, list[str]] = {}
        self._items = Items(mover.folders, material.inbox.collected)
        for found in material.inbox.found:
            self._items.add(found, Place("inbox", found.picture.name))
        self._lay_out(material.groups)
        self._counts = Counter(material.counts)
        self._added: set[str] = set()

    def __enter__(self) -> SortingTable:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def state(self) -> TableState:
        """The groups and classes as they are now; reads no file."""
        with self._guard:
            history = self._mover.history
            groups = (replace(group, pictures=self._in_inbox(group.id)) for group in self._groups)
            labels = sorted({*self._material.labels, *self._added})
            return TableState(
                groups=tuple(group for group in groups if group.pictures),
                classes=tuple(ClassCount(label, self._counts[Destination("class", label)]) for label in labels),
                unknown=self._counts[Destination("unknown")],
                binned=self._counts[Destination("bin")],
                moved=history.moved,
                undo=history.done[-1].text() if history.done else None,
                redo=history.undone[-1].text() if history.undone else None,
            )

    def picture(self, picture_id: str) -> Path:
        """The file of a picture, wherever it is now; raises KeyError for an id that there is not."""
        with self._guard:
            return self._mover.folders.path(self._items[picture_id].place)

    def move(self, ids: Sequence[str], to: Destination) -> Moved:
        """Moves pictures; those that are there already stay.

        Args:
            ids: of the pictures.
            to: the place to put them. A class must be one of those in ``state``.

        Raises:
            KeyError: there is no such picture.
            SortError: there is no such class, or the journal cannot be written; then nothing is moved.
        """
        with self._guard:
            if to.kind == "class" and is_unknown(to.label):
                to = Destination("unknown")
            if to.kind == "class" and to.label not in {*self._material.labels, *self._added}:
                raise SortError(f"there is no class '{to.label}'", "add it first")
            items = [self._items[one] for one in dict.fromkeys(ids)]
            items = [item for item in items if self._items.destination(item) != to]
            if not items:
                return Moved((), f"0 pictures {to.text()}")
            wanted = self._mover.folders.wanted(to, [item.picture.name for item in items])
            files = [item.move_to(place) for item, place in zip(items, wanted, strict=True)]
            return self._noted(self._mover.move(files, to))

    def undo(self) -> Moved | None:
        """Takes the last move back, also one from before a restart; None if there is none.

        Raises:
            SortError: the journal cannot be written.
        """
        with self._guard:
            done = self._mover.undo()
            return None if done is None else self._noted(done)

    def redo(self) -> Moved | None:
        """Does again what was taken back last; None if there is nothing. Raises SortError as ``undo``."""
        with self._guard:
            done = self._mover.redo()
            return None if done is None else self._noted(done)

    def add_class(self, label: str) -> str:
        """Adds a class, whose folder is made by the first move into it; returns its label with accents composed.

        Raises:
            SortError: it cannot be the name of a class folder.
        """
        with self._guard:
            checked = checked_label(label, [*self._material.labels, *self._added])
            self._added.add(checked)
            return checked

    def regroup(self) -> None:
        """Arranges the pictures again, by all that has been sorted meanwhile; takes a second or more.

        Raises:
            GraftError: no head can be trained on what is sorted.
        """
        with self._guard:
            evidence = self._material.evidence
            known = [one for one in evidence.known if one.path.exists()]
            inbox = []
            for item in self._items:
                to, photo = self._items.destination(item), item.found.photo
                if to.kind == "inbox":
                    inbox.append(item.found)
                elif to.kind != "bin":
                    path, label = self._mover.folders.path(item.place), to.label or UNKNOWN
                    known.append(Known(path=path, digest=photo.digest, place=photo.place, label=label))
            self._lay_out(arranged(inbox, replace(evidence, known=known), self._threads))

    def _lay_out(self, groups: Sequence[Group]) -> None:
        """Notes which pictures are in which group."""
        self._groups = [*(replace(group, pictures=()) for group in groups), _RETURNED]
        self._members = {
            group.id: [picture.id for picture in group.pictures if picture.id in self._items] for group in groups
        }
        self._members[_RETURNED.id] = []
        for picture in (picture for group in groups for picture in group.pictures if picture.id in self._items):
            item = self._items[picture.id]
            item.found = replace(item.found, picture=picture)

    def _in_inbox(self, group: str) -> tuple[Picture, ...]:
        items = [self._items[one] for one in self._members[group]]
        return tuple(item.picture for item in items if self._items.destination(item).kind == "inbox")

    def _noted(self, done: Done) -> Moved:
        """Notes where pictures are now."""
        moved = []
        for file in done.batch.files:
            self._counts[self._mover.folders.destination(file.source)] -= 1
            self._counts[self._mover.folders.destination(file.target)] += 1
            if (followed := self._items.follow(file)) is not None:
                moved.append(followed)
        grouped = {one for members in self._members.values() for one in members}
        self._members[_RETURNED.id] += [one for one in moved if one not in grouped]
        return Moved(tuple(moved), done.batch.text(), done.left)


def open_table(options: SortOptions, reporter: Reporter) -> SortingTable:
    """Opens a sorting table: finishes what a crash interrupted, compares the pictures, and groups them.

    Args:
        options: what is sorted, and what compares the pictures.
        reporter: receives progress and notes.

    Raises:
        SortError: the inbox is missing, or another table of it is open.
        GraftError: the photos or the cache cannot be used, or the weights are missing.
    """
    folders = check_folders(options.inbox, options.photos)
    cache, threads = checked_cache(options), threads_to_use(options.threads)
    with contextlib.ExitStack() as opened:
        mover = opened.enter_context(open_mover(folders, reporter))
        material = gathered(options, folders, cache, threads, reporter)
        note_left(material.inbox.skipped, reporter)
        return SortingTable(mover, material, threads, opened.pop_all())
