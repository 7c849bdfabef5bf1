"""Finds the pictures in an inbox, and what is known of each: from the inbox's ledger, its EXIF, or its name."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from graft_device.outputs.photo_notes import PhotoNotes, notes_of
from graft_device.ranking import UNKNOWN
from graft_host.inbox.collected import COLLECTED_NAME, CollectedPhoto, read_collected
from graft_host.inbox.kept_names import read_name
from graft_host.photos.dataset import Photo, Skipped, read_files
from graft_host.photos.folders import entries
from graft_host.sorting.state import Left, Picture

SUGGESTIONS_NAME = "suggestions.csv"

_OWN = {COLLECTED_NAME, SUGGESTIONS_NAME}
_ID_DIGITS = 16

_UNREADABLE = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises at a damaged EXIF."""


@dataclass(frozen=True)
class Found:
    """A picture in the inbox and its file.

    Attributes:
        picture: what is known of it.
        photo: its file; label -1.
    """

    picture: Picture
    photo: Photo

    @property
    def said(self) -> str:
        """What a person said that it shows; empty if nobody did."""
        return self.picture.said or ""


@dataclass(frozen=True)
class Inbox:
    """What is in an inbox.

    Attributes:
        found: the pictures, in the order of their names.
        skipped: the files that are no pictures that can be read, with the reasons.
        collected: what is known of the photos that were collected, by their SHA-256.
    """

    found: tuple[Found, ...]
    skipped: tuple[Left, ...]
    collected: Mapping[str, CollectedPhoto]


def find_pictures(inbox: Path, threads: int, cache: Path) -> Inbox:
    """Finds the pictures of an inbox at any depth; hidden files and folders and those of systems are left out.

    Links are left where they are: if one were moved, it might lead nowhere.

    Raises:
        DatasetError: a folder cannot be listed.
        CacheError: the cache cannot be used.
    """
    collected = read_collected(inbox)
    paths: list[Path] = []
    skipped: list[Left] = []
    for path in inbox_files(inbox):
        if path.parent == inbox and path.name in _OWN:
            continue
        if path.is_symlink():
            skipped.append(Left(path.relative_to(inbox).as_posix(), "a link: move what it leads to by hand"))
        else:
            paths.append(path)
    found: list[Found] = []
    counts: Counter[str] = Counter()
    for entry in read_files(paths, threads, cache):
        name = entry.path.relative_to(inbox).as_posix()
        if isinstance(entry, Skipped):
            skipped.append(Left(name, entry.reason))
            continue
        counts[entry.digest] += 1
        found.append(Found(known_picture(name, entry, collected, counts[entry.digest]), entry))
    return Inbox(tuple(found), tuple(skipped), collected)


def inbox_files(folder: Path) -> Iterator[Path]:
    """The files of an inbox, links to files among them; hidden ones and those of systems are left out.

    Linked folders are not entered.

    Raises:
        DatasetError: a folder cannot be listed.
    """
    for path, is_folder in entries(folder):
        if is_folder and not path.is_symlink():
            yield from inbox_files(path)
        elif not is_folder or path.is_symlink():
            yield path


def known_picture(name: str, photo: Photo, collected: Mapping[str, CollectedPhoto], copy: int = 1) -> Picture:
    """What is known of a picture.

    Args:
        name: relative to the inbox.
        photo: its file.
        collected: what is known of the photos that were collected.
        copy: counts pictures of the same content from 1.
    """
    entry = collected.get(photo.digest)
    notes = entry.notes if entry is not None and entry.notes is not None else _own_notes(name, photo.path)
    said = entry.said if entry is not None else None
    if said is None and notes is not None:
        said = notes.said
    predictions = () if notes is None else notes.predictions
    answer = UNKNOWN if notes is not None and notes.unknown else predictions[0].label if predictions else None
    return Picture(
        id=photo.digest[:_ID_DIGITS] + (f"-{copy}" if copy > 1 else ""),
        name=name,
        board="" if entry is None else entry.board,
        said=said,
        answer=answer,
        predictions=predictions,
    )


def _own_notes(name: str, path: Path) -> PhotoNotes | None:
    """What a picture says of itself; one that was kept unchanged, such as a file's, does so by its name and folder."""
    kept, folder = read_name(path.name), Path(name).parent.name
    return _exif_notes(path) or (kept.notes(folder) if kept is not None and folder else None)


def _exif_notes(path: Path) -> PhotoNotes | None:
    try:
        with Image.open(path) as image:
            return notes_of(image)
    except _UNREADABLE:
        return None
