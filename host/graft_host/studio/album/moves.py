"""Moves photos with the journal of ``graft sort``, whose lock is held for one operation at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from graft_host.sorting.journal import Batch, FileMove, Place
from graft_host.sorting.locking import BusyError, locked
from graft_host.sorting.mover import JOURNAL_NAME, Mover
from graft_host.sorting.places import BIN, WORK, Folders
from graft_host.sorting.state import SortError
from graft_host.studio.album.state import Change
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

_PATIENCE_S = 3.0
"""How long to wait for another studio's move."""

_Stamp = tuple[int, int, int]


class Moves:
    """The moves of a project. Its methods may be called from several threads.

    Args:
        project: the folder.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.folders = Folders(Path(os.path.realpath(project.inbox)), Path(os.path.realpath(project.photos)))
        self._guard = threading.RLock()
        self._mover: Mover | None = None
        self._stamp: _Stamp | None = None
        self._known: tuple[Change | None, Change | None] = (None, None)

    @contextlib.contextmanager
    def moving(self) -> Iterator[Mover]:
        """Locks the project for one operation; finishes first what a crash interrupted.

        Raises:
            StudioError: another program moves pictures, or the journal cannot be used.
        """
        with self._guard, _as_studio_errors(), contextlib.ExitStack() as opened:
            self._check_own()
            if (lock := locked(self.folders, _PATIENCE_S)) is not None:
                opened.enter_context(lock)
            mover = self._read()
            self._recover(mover)
            try:
                yield mover
            finally:
                self._stamp = self._stamp_of_journal()

    def history(self) -> tuple[Change | None, Change | None]:
        """What can be taken back, and what can be done again; quick while photos are moved, for that is not waited for.

        Finishes what a crash interrupted.
        """
        if self._guard.acquire(blocking=False):
            try:
                with contextlib.suppress(SortError, StudioError):
                    self._check_own()
                    mover = self._read()
                    if mover.journal.unfinished is not None:
                        self._finish()
                    done, undone = mover.history.done, mover.history.undone
                    last = [change_of(batches[-1], self.folders) if batches else None for batches in (done, undone)]
                    self._known = (last[0], last[1])
            finally:
                self._guard.release()
        return self._known

    def check(self, places: Iterable[Place]) -> None:
        """Raises StudioError if a link leads the folder of a place out of the project."""
        for parent in sorted({self.folders.path(place).parent for place in places}):
            if not Path(os.path.realpath(parent)).is_relative_to(self._project.root):
                raise StudioError(f"{parent} is a link that leads out of the project", "replace it by a folder")

    def check_files(self, files: Iterable[FileMove]) -> None:
        """The same for the old and the new places of files."""
        self.check(place for file in files for place in (file.source, file.target))

    def _check_own(self) -> None:
        """The journal and the bin are in the project themselves."""
        for name in (f"{WORK}/{JOURNAL_NAME}", f"{WORK}/lock", BIN):
            path = self.folders.inbox / name
            if not Path(os.path.realpath(path)).is_relative_to(self._project.root):
                raise StudioError(f"{path} is a link that leads out of the project", "remove the link")

    def _read(self) -> Mover:
        """The mover, with the journal read again if another process wrote to it."""
        stamp = self._stamp_of_journal()
        if self._mover is None or stamp != self._stamp:
            self._mover, self._stamp = Mover(self.folders), stamp
        return self._mover

    def _recover(self, mover: Mover) -> None:
        unfinished = mover.journal.unfinished
        if unfinished is None:
            return
        elsewhere = Path(unfinished.photos)
        if elsewhere != self.folders.photos and elsewhere.exists():
            raise StudioError(
                f"a move into {elsewhere} was interrupted", f"run: graft sort {self.folders.inbox} {elsewhere}"
            )
        self.check_files(unfinished.files)
        mover.recover()

    def _finish(self) -> None:
        """Finishes what a crash interrupted, unless another process is at it."""
        with contextlib.suppress(BusyError), contextlib.ExitStack() as opened:
            if (lock := locked(self.folders, 0)) is not None:
                opened.enter_context(lock)
                self._recover(self._read())
                self._stamp = self._stamp_of_journal()

    def _stamp_of_journal(self) -> _Stamp | None:
        try:
            status = (self.folders.inbox / WORK / JOURNAL_NAME).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _as_studio_errors() -> Iterator[None]:
    """Raises the errors of sorting as those of the studio."""
    try:
        yield
    except BusyError as error:
        raise StudioError(
            "the pictures are being sorted by another program", "end 'graft sort' first, or wait for the other studio"
        ) from error
    except SortError as error:
        raise StudioError(error.what, error.remedy) from error


def change_of(batch: Batch, folders: Folders) -> Change:
    """What a move, or an undo that can be done again, puts where."""
    if not batch.files:
        return Change(0, batch.to.kind, batch.to.label or Path(*batch.gone[-1:]).name, batch.text())
    places = [file.source if batch.act == "undo" else file.target for file in batch.files]
    labels = {folders.destination(place) for place in places}
    if len(labels) > 1:
        count = len(batch.files)
        return Change(count, "classes", str(len(labels)), f"{count:,} pictures to {len(labels)} classes")
    return Change(len(batch.files), batch.to.kind, batch.to.label, batch.text())
