"""Moves pictures with a journal: each move is written down before and after it, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from graft_host.sorting.carrying import Carried, carry_out
from graft_host.sorting.history import concerns, history_of
from graft_host.sorting.journal import Act, Batch, FileMove, Journal, Place
from graft_host.sorting.places import WORK, Folders, free_place
from graft_host.sorting.state import Destination, Left

JOURNAL_NAME = "journal.jsonl"


@dataclass(frozen=True)
class Done:
    """A batch that is finished: with the files that were moved, and those that were not."""

    batch: Batch
    left: tuple[Left, ...]


class Mover:
    """Moves files between an inbox and the photos.

    Args:
        folders: the two folders.

    Raises:
        SortError: the journal cannot be read.
    """

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.journal = Journal(folders.inbox / WORK / JOURNAL_NAME)
        self.history = history_of(self.journal.finished, folders.photos)

    def recover(self) -> Done | None:
        """Finishes what a crash or an error interrupted; None if there was nothing.

        Raises:
            SortError: the journal cannot be written.
        """
        batch = self.journal.unfinished
        if batch is None:
            return None
        named = Path(batch.photos)
        folders = replace(self.folders, photos=named) if named.exists() else self.folders
        return self._ended(carry_out(batch, folders, again=True))

    def move(self, files: Sequence[FileMove], to: Destination) -> Done:
        """Moves files to their targets, or to names beside them that are free.

        Raises:
            SortError: the journal cannot be written; then nothing is moved.
        """
        return self._begun("move", to, files, self._new_folders(files))

    def undo(self) -> Done | None:
        """Takes the last move back; None if there is none. Raises SortError if the journal cannot be written."""
        self.recover()
        if not self.history.done:
            return None
        last = self.history.done[-1]
        return self._begun("undo", last.to, [file.reversed() for file in last.files], last.made)

    def redo(self) -> Done | None:
        """Does again what was taken back last; None if there is nothing. Raises SortError as ``undo``."""
        self.recover()
        if not self.history.undone:
            return None
        last = self.history.undone[-1]
        return self._begun("redo", last.to, [file.reversed() for file in last.files], last.made)

    def _begun(self, act: Act, to: Destination, files: Sequence[FileMove], made: tuple[str, ...]) -> Done:
        self.recover()
        taken: set[str] = set()
        free = []
        for file in files:
            target = free_place(file.target, self.folders, taken)
            taken.add(str(self.folders.path(target)).casefold())
            free.append(replace(file, target=target))
        batch = Batch(
            number=self.journal.next_number, act=act, to=to, photos=str(self.folders.photos), files=tuple(free),
            made=made,
        )  # fmt: skip
        self.journal.begin(batch)
        return self._ended(carry_out(batch, self.folders))

    def _ended(self, carried: Carried) -> Done:
        self.journal.end(carried.moved, carried.failed)
        finished = self.journal.finished[-1]
        if concerns(finished, self.folders.photos):
            self.history.add(finished)
        return Done(finished, carried.left)

    def _new_folders(self, files: Sequence[FileMove]) -> tuple[str, ...]:
        """The class folders that a move makes."""
        folders = {PurePosixPath(file.target.path).parent.as_posix() for file in files if file.target.root == "photos"}
        return tuple(sorted(folder for folder in folders if not self.folders.path(Place("photos", folder)).exists()))
