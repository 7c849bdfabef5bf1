"""Moves the pictures of an inbox as a list says, and takes moves back, without a page."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import os_reason
from graft_device.ranking import UNKNOWN
from graft_device.runtime import threads_to_use
from graft_device.system.plain import read_plain
from graft_host.photos.layout import is_unknown
from graft_host.sorting.items import Items
from graft_host.sorting.journal import FileMove, Place
from graft_host.sorting.mover import Mover
from graft_host.sorting.opening import checked_cache, open_mover
from graft_host.sorting.options import SortOptions
from graft_host.sorting.pictures import Found, find_pictures
from graft_host.sorting.places import BIN, check_folders, checked_label
from graft_host.sorting.state import Destination, Left, SortError
from graft_host.support.reporter import Reporter

BACK = ".inbox"
"""What stands for the inbox among labels, as ``.bin`` does for the bin."""

_LARGEST = 100 << 20  # bytes of a list of labels


@dataclass(frozen=True)
class Applied:
    """What was moved.

    Attributes:
        moved: the number of pictures by the label of their new place, ``.bin`` for the bin and ``.inbox`` for those
            that are back in the inbox; no class can have such a name.
        left: the pictures that were not moved.
        failed: how many of them are there, but could not be moved.
    """

    moved: Mapping[str, int]
    left: tuple[Left, ...]
    failed: int = 0

    def to_json(self) -> dict[str, Any]:
        """The result as ``graft sort --apply --json`` prints it."""
        return {"moved": dict(self.moved), "left": [vars(left) for left in self.left]}


def apply(options: SortOptions, file: Path, reporter: Reporter) -> Applied:
    """Moves pictures as a list says, which ``suggest`` wrote and a person may have changed.

    Pictures without a label stay. The label ``unknown`` stands for photos of none of the classes, and ``.bin`` for the
    bin. Each label is one move, which ``undo`` takes back.

    Args:
        options: the inbox and the photos.
        file: a CSV with a line of names and the columns ``file`` and ``label``.
        reporter: receives progress and notes.

    Raises:
        SortError: the list cannot be read, or a label cannot be the name of a class.
        GraftError: a folder or the cache cannot be used.
    """
    folders = check_folders(options.inbox, options.photos)
    cache, threads = checked_cache(options), threads_to_use(options.threads)
    wanted = _read(file)
    with open_mover(folders, reporter) as mover:
        inbox = find_pictures(folders.inbox, threads, cache)
        found = {one.picture.name: one for one in inbox.found}
        left = [Left(name, "is not in the inbox") for name in wanted if name not in found]
        by_label: dict[str, list[Found]] = defaultdict(list)
        for name, label in wanted.items():
            if name in found:
                by_label[label].append(found[name])
        destinations = _destinations(by_label, list(folders.layout().classes))
        moved, absent = {}, len(left)
        for to, pictures in destinations:
            done = mover.move(_moves(pictures, to, mover), to)
            moved[BIN if to.kind == "bin" else to.label or UNKNOWN] = len(done.batch.files)
            left += done.left
    return Applied(moved, tuple(left), len(left) - absent)


def take_back(options: SortOptions, reporter: Reporter) -> Applied:
    """Takes back the last move that was not taken back yet, of a list or of the page.

    Raises:
        SortError: there is none, or the journal cannot be written.
    """
    folders = check_folders(options.inbox, options.photos)
    with open_mover(folders, reporter) as mover:
        done = mover.undo()
    if done is None:
        raise SortError(f"nothing in {options.inbox} has been moved that could be taken back")
    return Applied({BACK: len(done.batch.files)}, done.left, len(done.left))


def _read(file: Path) -> dict[str, str]:
    """The labels that are not empty, by file."""
    try:
        text = read_plain(file, _LARGEST).decode("utf-8-sig", "surrogateescape")
        reader = csv.DictReader(io.StringIO(text))
        missing = {"file", "label"} - {*(reader.fieldnames or ())}
        rows = {row["file"]: (row["label"] or "").strip() for row in reader if row.get("file")}
    except OSError as error:
        raise SortError(f"cannot read {file}: {os_reason(error)}", "run: graft sort --suggest") from error
    except (csv.Error, KeyError) as error:
        raise SortError(f"{file} is not a list of labels", "run: graft sort --suggest") from error
    if missing:
        raise SortError(f"{file} has no column {' and no '.join(sorted(missing))}", "run: graft sort --suggest")
    return {name: label for name, label in rows.items() if label}


def _destinations(
    by_label: Mapping[str, Sequence[Found]], labels: Sequence[str]
) -> list[tuple[Destination, Sequence[Found]]]:
    """Where the pictures of each label are put; all labels are checked before anything is moved."""
    known = list(labels)
    destinations = []
    for label, pictures in sorted(by_label.items()):
        if label == BIN:
            to = Destination("bin")
        elif is_unknown(label):
            to = Destination("unknown")
        else:
            if label not in known:
                known.append(checked_label(label, known))
            to = Destination("class", label if label in known else known[-1])
        destinations.append((to, pictures))
    return destinations


def _moves(pictures: Sequence[Found], to: Destination, mover: Mover) -> list[FileMove]:
    places = mover.folders.wanted(to, [found.picture.name for found in pictures])
    items = Items(mover.folders, {})
    moves = []
    for found, target in zip(pictures, places, strict=True):
        items.add(found, Place("inbox", found.picture.name))
        if found.picture.id in items:
            moves.append(items[found.picture.id].move_to(target))
    return moves
