"""Remembers which photos of boards have come, and which were refused, so that none is sent a second time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_host.inbox.collected import CollectedPhoto, read_collected

WORK = ".collecting"
"""The working folder in an inbox."""

_MODE = 0o644


@dataclass(frozen=True)
class Place:
    """A file on a board.

    Attributes:
        board: the board's name.
        path: its path there.
        bytes: its size.
        modified: when it was last written, in nanoseconds since 1970.
    """

    board: str
    path: str
    bytes: int
    modified: int


@dataclass(frozen=True)
class Fate:
    """What became of a file.

    Attributes:
        sha256: of its content; empty for one that was refused.
        photo: the SHA-256 of the photo in the inbox that it is: another one if only its notes differ.
        refused: the reason why it was refused; empty for a photo.
    """

    sha256: str = ""
    photo: str = ""
    refused: str = ""


class Seen:
    """The files of boards that have come or were refused; one line each in a file, the last counts.

    A lost line costs a transfer, and nothing more: photos are known by their content, too.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file, if it is there; lines that cannot be read are left out."""
        self._path = path
        self._fates: dict[Place, Fate] = {}
        for raw in read_lines(path):
            try:
                place = Place(str(raw["board"]), str(raw["path"]), int(raw["bytes"]), int(raw["modified"]))
                self._fates[place] = Fate(*(str(raw.get(name, "")) for name in ("sha256", "photo", "refused")))
            except (KeyError, TypeError, ValueError):
                continue

    def fate(self, place: Place) -> Fate | None:
        """What became of a file; None for one that is new."""
        return self._fates.get(place)

    def add(self, fates: dict[Place, Fate]) -> None:
        """Notes files."""
        append_lines(self._path, [{**vars(place), **vars(fate)} for place, fate in fates.items()])
        self._fates.update(fates)


class History:
    """What came from boards before; only read."""

    def __init__(self, inbox: Path) -> None:
        """Reads what an inbox notes; the folder need not exist."""
        self.photos = read_collected(inbox)
        self._images = {photo.image: sha256 for sha256, photo in self.photos.items() if photo.image}
        self.seen = Seen(inbox / WORK / "seen.jsonl")

    def collected(self, place: Place) -> str | None:
        """The SHA-256 of a file that came from a place of a board before; None if none did."""
        fate = self.seen.fate(place)
        return fate.sha256 if fate is not None and fate.photo in self.photos else None

    def same(self, sha256: str, image: str) -> CollectedPhoto | None:
        """The photo that came before with this content, or with this image and other notes; None if none did."""
        return self.photos.get(sha256) or self.photos.get(self._images.get(image, ""))

    def add(self, photo: CollectedPhoto) -> None:
        """Adds a photo that was noted, or replaces what was noted of it."""
        self.photos[photo.sha256] = photo
        if photo.image:
            self._images[photo.image] = photo.sha256

    def refused(self, place: Place) -> str:
        """Why a file was refused before; empty if it was not."""
        fate = self.seen.fate(place)
        return "" if fate is None else fate.refused


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines; lines that cannot be read, such as one that was cut short, are left out."""
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(raw, dict):
            found.append(raw)
    return found


def append_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """Appends objects to a file of JSON lines, and waits until they would survive a power cut.

    A line that a crash cut short before is ended first, so that it takes no other with it.
    """
    if not lines:
        return
    text = "".join(json.dumps(line) + "\n" for line in lines)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    with os.fdopen(handle, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.seek(0, os.SEEK_END)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
