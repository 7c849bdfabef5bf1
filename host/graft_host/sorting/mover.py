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

    def move(
        self,
        files: Sequence[FileMove],
        to: Destination,
        *,
        made: tuple[str, ...] = (),
        gone: tuple[str, ...] = (),
        series: str = "",
    ) -> Done:
        """Moves files to their targets, or to names beside them that are free.

        Args:
            files: the files; none where folders alone are made or removed.
            to: where they are put.
            made: folders among the photos to make besides those that the files need.
            gone: folders among the photos to remove once they are empty, inner ones first.
            series: what this move shares with others that are taken back together; empty for none.

        Raises:
            SortError: the journal cannot be written; then nothing is moved.
        """
        made = tuple(dict.fromkeys((*made, *self._new_folders(files))))
        return self._begun(
            Batch(number=0, act="move", to=to, photos="", files=tuple(files), made=made, gone=gone, series=series)
        )

    def undo(self) -> Done | None:
        """Takes the last move back; None if there is none. Raises SortError if the journal cannot be written."""
        self.recover()
        if not self.history.done:
            return None
        return self._begun(_reversed(self.history.done[-1], "undo"))

    def redo(self) -> Done | None:
        """Does again what was taken back last; None if there is nothing. Raises SortError as ``undo``."""
        self.recover()
        if not self.history.undone:
            return None
        return self._begun(_reversed(self.history.undone[-1], "redo"))

    def _begun(self, planned: Batch) -> Done:
        self.recover()
        taken: set[str] = set()
        free = []
        for file in planned.files:
            target = free_place(file.target, self.folders, taken)
            taken.add(str(self.folders.path(target)).casefold())
            free.append(replace(file, target=target))
        batch = replace(
            planned, number=self.journal.next_number, photos=str(self.folders.photos), files=tuple(free), failed=()
        )
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


def _reversed(batch: Batch, act: Act) -> Batch:
    """What takes a batch back, or does it again."""
    return replace(batch, act=act, files=tuple(file.reversed() for file in batch.files))
