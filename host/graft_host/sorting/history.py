"""What can be taken back and done again, as the journal tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft_host.sorting.journal import Batch


@dataclass
class History:
    """The moves that stand, and those that were taken back.

    Attributes:
        done: moves and redone moves that can be taken back, the newest last.
        undone: undos that can be done again, the newest last.
    """

    done: list[Batch] = field(default_factory=list)
    undone: list[Batch] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Notes a batch that is finished."""
        if batch.act != "move":
            self._take(self.done if batch.act == "undo" else self.undone, batch)
        elif _changes(batch):
            self.undone.clear()
        if _changes(batch):
            self._put(self.undone if batch.act == "undo" else self.done, batch)

    def _put(self, stack: list[Batch], batch: Batch) -> None:
        """Puts a batch on its stack, together with an earlier part of its series that is on top there."""
        if batch.act == "move" and batch.series and stack and stack[-1].series == batch.series:
            made, gone = ((*stack[-1].made, *batch.made), (*stack[-1].gone, *batch.gone))
            stack[-1] = replace(batch, files=stack[-1].files + batch.files, made=made, gone=gone)
        else:
            stack.append(batch)

    def _take(self, stack: list[Batch], batch: Batch) -> None:
        """Takes a batch off its stack when it was reversed; what could not be moved can be tried again."""
        if stack:
            last = stack.pop()
            if batch.failed:
                stack.append(replace(last, files=tuple(file.reversed() for file in batch.failed)))

    @property
    def moved(self) -> int:
        """The number of pictures that are in the place where a move put them."""
        return sum(len(batch.files) if batch.to.kind != "inbox" else -len(batch.files) for batch in self.done)


def history_of(batches: Iterable[Batch], photos: Path) -> History:
    """The history of an inbox with these photos.

    Moves into another folder of photos are left out, unless it is no longer there, because it was renamed.

    Args:
        batches: those of the journal.
        photos: the folder of photos, with its links resolved.
    """
    history = History()
    for batch in batches:
        if concerns(batch, photos):
            history.add(batch)
    return history


def _changes(batch: Batch) -> bool:
    return bool(batch.files or batch.made or batch.gone)


def concerns(batch: Batch, photos: Path) -> bool:
    """Whether a batch was about these photos, or about a folder that is no longer there."""
    return batch.photos == str(photos) or not Path(batch.photos).exists()
