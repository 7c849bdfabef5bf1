"""Finds the photos that a command line names: files, the photos of folders, and one on standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from graft_device.errors import PhotoError, os_reason
from graft_device.preprocess import MAX_BYTES
from graft_device.sources.base import Note
from graft_device.sources.contents import is_whole
from graft_device.sources.scanning import is_unfinished, scan

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Given:
    """A photo that a command line names.

    Attributes:
        name: its name for people: the path, or ``-``.
        photo: the path, or the bytes of the file; None if there is no photo.
        problem: why there is none; empty if there is one.
    """

    name: str
    photo: PhotoSource | None
    problem: str = ""


def given_photos(names: Iterable[str], standard_input: TextIO | None, note: Note) -> Iterator[Given]:
    """Yields the photos in the order in which they are given, those of a folder and the folders below it by path.

    In a folder, the same files are passed over as in a watched one: hidden ones, those of systems, and unfinished ones.

    Args:
        names: paths of files and folders; ``-`` for standard input.
        standard_input: where ``-`` is read from; None if it is closed.
        note: called with a line for each link to a folder, which is not followed.
    """
    for name in names:
        if name == STANDARD_INPUT:
            yield _from(standard_input)
        elif name and os.path.isdir(name):  # noqa: PTH112  "" is no folder
            yield from _in_folder(name, note)
        else:
            yield Given(name, name)


def _from(standard_input: TextIO | None) -> Given:
    try:
        return Given(STANDARD_INPUT, _read(standard_input))
    except PhotoError as error:
        return Given(STANDARD_INPUT, None, str(error))


def _read(standard_input: TextIO | None) -> bytes:
    if standard_input is None or standard_input.closed:
        raise PhotoError("standard input is closed")
    if standard_input.isatty():
        raise PhotoError(
            "standard input is a terminal", "send a photo to it: graft-device classify MODEL - < photo.jpg"
        )
    try:
        data = standard_input.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(os_reason(error)) from error
    if len(data) > MAX_BYTES:
        raise PhotoError(f"too large to read (the limit is {MAX_BYTES:,} bytes)")
    return data


def _in_folder(folder: str, note: Note) -> Iterator[Given]:
    try:
        found = scan(Path(folder))
    except OSError as error:
        yield Given(folder, None, os_reason(error))
        return
    for link in found.links:
        note(f"{link} is a link to a folder, which is not followed; give that folder itself")
    others = [path for path in found.others if not is_unfinished(path) and is_whole(path) is not None]
    photos = sorted([*found.photos, *others])
    for path, reason in found.unread.items():
        yield Given(path, None, os_reason(reason))
    for path in photos:
        yield Given(path, path)
    if not photos and not found.unread:
        yield Given(folder, None, "there is no photo in this folder")
