"""The pictures that wait in the inbox, and those among them that a person on a board gave a label."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.sources.scanning import is_photo
from graft_device.system.durable import write_atomically
from graft_host.inbox.collected import read_collected
from graft_host.sorting.applying import Applied, apply, take_back
from graft_host.sorting.options import SortOptions
from graft_host.sorting.pictures import inbox_files
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import WORK, Project
from graft_host.support.reporter import Silent

_LIST = f"{WORK}/said.csv"


@dataclass(frozen=True)
class Waiting:
    """The pictures in the inbox.

    Attributes:
        total: how many there are.
        said: how many have a label that a person gave on a board, by that label.
    """

    total: int
    said: Mapping[str, int]


def waiting(project: Project) -> Waiting:
    """Counts the pictures in the inbox by their names; reads no picture.

    Raises:
        DatasetError: a folder in the inbox cannot be listed.
    """
    inbox = project.inside(project.inbox.name)
    files = inbox_files(inbox) if inbox.is_dir() else ()
    pictures = (path for path in files if is_photo(path.name) and path.is_file() and not path.is_symlink())
    names = {path.relative_to(inbox).as_posix() for path in pictures}
    return Waiting(len(names), Counter(label for name, label in _said(inbox).items() if name in names))


def accept(project: Project, cache: Path | None, label: str) -> Applied:
    """Moves the pictures that a person on a board gave a label into the class of that label.

    Args:
        project: with the inbox and the photos.
        cache: the folder of caches; the usual one if None.
        label: the label.

    Raises:
        StudioError: the list cannot be written.
        GraftError: the label cannot be the name of a class, or somebody else sorts the inbox.
    """
    options = _options(project, cache)
    path = project.inside(_LIST)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("file", "label"))
    rows.writerows((name, label) for name, said in _said(options.inbox).items() if said == label)
    try:
        write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))
        return apply(options, path, Silent())
    except OSError as error:
        raise StudioError(f"cannot write {path}: {os_reason(error)}", "make it writable") from error
    finally:
        path.unlink(missing_ok=True)


def accept_back(project: Project, cache: Path | None) -> Applied:
    """Takes back the last move out of the inbox; raises SortError if there is none."""
    return take_back(_options(project, cache), Silent())


def _options(project: Project, cache: Path | None) -> SortOptions:
    inbox, photos = (project.inside(folder.name) for folder in (project.inbox, project.photos))
    return SortOptions(inbox=inbox, photos=photos, cache=cache)


def _said(inbox: Path) -> dict[str, str]:
    """The labels that persons gave, by the picture's name in the inbox."""
    return {photo.file: photo.said for photo in read_collected(inbox).values() if photo.said is not None}
