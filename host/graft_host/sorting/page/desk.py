"""A sorting table that several windows show: each change has a revision, so that none acts on what it does not see."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from graft_host.sorting.state import Destination, Moved, Picture, SortError, TableState
from graft_host.sorting.table import SortingTable


class Desk:
    """A table with a revision; its methods may be called from several threads.

    Attributes:
        table: the sorting table.
    """

    def __init__(self, table: SortingTable) -> None:
        self.table = table
        self._guard = threading.RLock()
        self._run, self._changes = secrets.token_hex(4), 0
        state = table.state()
        self._order = [count.label for count in state.classes]
        self._pictures = _by_id(state)

    @property
    def revision(self) -> str:
        """Another text after each change, and after a restart."""
        return f"{self._run}-{self._changes}"

    def content(self, done: Moved | None = None) -> dict[str, Any]:
        """The state as plain values: the classes in the order of their keys, and what was just done.

        Args:
            done: what a move, an undo or a redo did.
        """
        with self._guard:
            state = self.table.state()
            self._order += [count.label for count in state.classes if count.label not in self._order]
            content = state.to_json()
            content["classes"].sort(key=lambda count: self._order.index(count["label"]))
            folders = {"inbox": str(self.table.inbox), "photos": str(self.table.photos)}
            return {**content, **folders, "revision": self.revision, "done": None if done is None else done.to_json()}

    def move(self, ids: Sequence[str], to: Destination, seen: str | None) -> dict[str, Any]:
        """Moves pictures; ``seen`` is the revision that the window shows, None for a client that has none.

        Raises:
            KeyError: there is no such picture.
            SortError: another window has moved one of them, or they cannot be moved.
        """
        with self._guard:
            if seen not in {None, self.revision} and not {*ids} <= _by_id(self.table.state()).keys():
                raise SortError("these pictures were moved in another window", "look at what is left, and choose again")
            return self._changed(lambda: self.table.move(ids, to))

    def undo(self, seen: str | None) -> dict[str, Any]:
        """Takes back the last move that the window shows; raises SortError if there was another one since."""
        return self._stepped(self.table.undo, seen)

    def redo(self, seen: str | None) -> dict[str, Any]:
        """Does the move again that was taken back last; raises SortError as ``undo``."""
        return self._stepped(self.table.redo, seen)

    def add_class(self, label: str) -> dict[str, Any]:
        """Adds a class; raises SortError if it cannot be the name of one."""
        with self._guard:
            added = self.table.add_class(label)
            self._changes += 1
            return {**self.content(), "added": added}

    def regroup(self) -> dict[str, Any]:
        """Groups the pictures again by all that is sorted meanwhile; raises GraftError if that cannot be done."""
        with self._guard:
            self.table.regroup()
            self._pictures = _by_id(self.table.state())
            self._changes += 1
            return self.content()

    def twin(self, picture_id: str) -> Path:
        """The photo that is there already; raises KeyError if there is no such picture, or if it has no twin."""
        with self._guard:
            if picture_id not in self._pictures:
                self._pictures.update(_by_id(self.table.state()))
            twin = self._pictures[picture_id].twin
        if twin is None:
            raise KeyError(picture_id)
        return self.table.photos / twin

    def _stepped(self, step: Callable[[], Moved | None], seen: str | None) -> dict[str, Any]:
        with self._guard:
            if seen not in {None, self.revision}:
                raise SortError("another window has changed something meanwhile", "look at it, and press again")
            return self._changed(step)

    def _changed(self, change: Callable[[], Moved | None]) -> dict[str, Any]:
        try:
            done = change()
        finally:
            self._changes += 1  # also after an error, which may come in the middle
        return self.content(done)


def _by_id(state: TableState) -> dict[str, Picture]:
    return {picture.id: picture for group in state.groups for picture in group.pictures}
