"""Locks an inbox, and finishes what a crash interrupted there, before anything is moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graft_host.sorting.locking import locked
from graft_host.sorting.mover import Mover
from graft_host.sorting.options import SortOptions
from graft_host.sorting.places import Folders
from graft_host.sorting.state import Left
from graft_host.support.cache import default_cache
from graft_host.support.reporter import Reporter, note_skipped
from graft_host.training.guards import check_cache

_PATIENCE_S = 1.0
"""How long to wait for a studio, which locks the inbox for each move."""


@contextmanager
def open_mover(folders: Folders, reporter: Reporter) -> Iterator[Mover]:
    """Opens the journal of an inbox, which no other process can open meanwhile.

    Raises:
        SortError: another process has opened it, or the inbox cannot be written to.
    """
    lock = locked(folders, _PATIENCE_S)
    if lock is None:
        reporter.note(f"warning: {folders.inbox} is on a file system without locks: sort it in one place at a time")
    try:
        mover = Mover(folders)
        if mover.journal.damaged:
            reporter.note(f"warning: {mover.journal.damaged} damaged lines in {mover.journal.path} are left out")
        recovered = mover.recover()
        if recovered is not None:
            reporter.note(f"finished what was interrupted: {recovered.batch.text()}")
            note_left(recovered.left, reporter)
        yield mover
    finally:
        if lock is not None:
            lock.close()


def checked_cache(options: SortOptions) -> Path:
    """The folder of caches; raises CacheError if it cannot be used, or is among the pictures."""
    cache = options.cache or default_cache()
    for folder in (options.inbox, options.photos):
        check_cache(cache, folder)
    return cache


def note_left(left: Sequence[Left], reporter: Reporter) -> None:
    """Notes the first few files that are left where they are."""
    note_skipped(((one.name, one.reason) for one in left), reporter, "")
