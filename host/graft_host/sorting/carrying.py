"""Carries out what the journal says is to be moved, from the beginning or from where a crash stopped it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.system.durable import digest, sync
from graft_host.sorting.journal import Batch, FileMove
from graft_host.sorting.moving import move_file, settle_file
from graft_host.sorting.places import Folders
from graft_host.sorting.state import Left


@dataclass(frozen=True)
class Carried:
    """What became of a batch.

    Attributes:
        moved: the places in the batch of the files that are in their new places now.
        failed: the places in the batch of the files that the system did not let be moved.
        left: the files that are not in their new places, and why.
    """

    moved: list[int]
    failed: list[int]
    left: tuple[Left, ...]


def carry_out(batch: Batch, folders: Folders, *, again: bool = False) -> Carried:
    """Moves the files of a batch; calling it again after a crash moves the rest.

    A file that was changed or moved by hand meanwhile stays where it is.

    Args:
        batch: as it is in the journal.
        folders: the inbox and the photos.
        again: whether it may have been begun before: then a file may be in both places.
    """
    moved: list[int] = []
    failed: list[int] = []
    left: list[Left] = []
    touched: set[Path] = set()
    for place, file in enumerate(batch.files):
        source, target = folders.path(file.source), folders.path(file.target)
        temporary = target.with_name(f".graft-sort-{batch.number}-{place}.tmp")
        try:
            reason = _carry(file, source, target, temporary, again=again)
        except OSError as error:
            reason = os_reason(error)
            failed.append(place)
        if reason:
            left.append(Left(file.source.path, reason))
        else:
            moved.append(place)
            touched |= {source.parent, target.parent}
    for folder in sorted(touched):
        with contextlib.suppress(OSError):  # a folder that somebody removed meanwhile
            sync(folder)
    if batch.act == "undo":
        _remove_empty(batch.made, folders)
        _make(batch.gone, folders)
    else:
        _make(() if batch.files else batch.made, folders)
        _remove_empty(batch.gone, folders)
    return Carried(moved, failed, tuple(left))


def is_same(path: Path, file: FileMove) -> bool:
    """Whether a file has the content that the journal names; it is only read if its size or time is another."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    if (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns):
        return True
    return status.st_size == file.size and bool(file.sha256) and digest(path) == file.sha256


def _carry(file: FileMove, source: Path, target: Path, temporary: Path, *, again: bool) -> str:
    """Moves a file; returns why it was not moved, or nothing."""
    with contextlib.suppress(FileNotFoundError):  # half a copy
        temporary.unlink()
    if not os.path.lexists(source):
        return "" if again and os.path.lexists(target) and is_same(target, file) else "it is no longer there"
    if not is_same(source, file):
        return "it was changed meanwhile"
    if again and os.path.lexists(target):
        return "" if settle_file(source, target, file.sha256) else "another file has its name by now"
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        move_file(source, target, file.sha256, temporary)
    except FileExistsError:
        return "another file has its name by now"
    return ""


def _remove_empty(paths: Sequence[str], folders: Folders) -> None:
    """Removes folders among the photos, inner ones first, if nothing is in them."""
    for folder in sorted(paths, reverse=True):
        with contextlib.suppress(OSError):
            (folders.photos / folder).rmdir()


def _make(paths: Sequence[str], folders: Folders) -> None:
    """Makes folders among the photos; where one cannot be made, moving a photo into it says so."""
    for folder in paths:
        with contextlib.suppress(OSError):
            (folders.photos / folder).mkdir(parents=True, exist_ok=True)
