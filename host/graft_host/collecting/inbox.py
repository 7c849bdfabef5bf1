"""Puts photos that arrived into an inbox, so that each is there once, whatever a crash interrupts.

::

    INBOX/collected.jsonl                   what is known of each photo that ever came
    INBOX/BOARD/KIND/LABEL/NAME.jpg         the photos that are not sorted yet
    INBOX/.collecting/lock                  one collect at a time
    INBOX/.collecting/seen.jsonl            the files of boards that came or were refused
    INBOX/.collecting/arriving/BOARD/…      what is being sent, and what interrupted runs left of it
    INBOX/.collecting/ready/SHA256          a photo on its way to its place

A photo goes to ``ready`` first, then into ``collected.jsonl``, then to the place that is noted there, and only after
that it is removed from its board. So a photo in ``ready`` without a line is still on its board, and one with a line has
not been in its place yet: the next run takes it there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from PIL import Image

from graft_device.errors import GraftError, PhotoError, os_reason
from graft_device.outputs.photo_notes import PhotoNotes, notes_of
from graft_device.preprocess import read_photo
from graft_device.preprocess.opening import checked_header
from graft_device.system.durable import digest, sync
from graft_device.system.locks import NoLocksError, lock_file
from graft_host.collecting.looking import KeptFile
from graft_host.collecting.seen import WORK, Fate, History, Place, append_lines
from graft_host.inbox.collected import COLLECTED_NAME, CollectedPhoto
from graft_host.inbox.kept_names import printed, safe_name

_WRITERS = 16


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file of a board that has arrived.

    Attributes:
        board: the board's name.
        photo: the file on the board.
        path: where it is now.
        models: the names of the board's models by their ids.
    """

    board: str
    photo: KeptFile
    path: Path
    models: dict[str, str]

    @property
    def place(self) -> Place:
        """The file on the board."""
        return Place(self.board, self.photo.path, self.photo.bytes, self.photo.modified)


@dataclass(frozen=True)
class Taken:
    """What became of files that arrived.

    Attributes:
        new: the photos that are new in the inbox.
        updated: those that were there before, of which something new is known.
        known: how many were there before.
        refused: the paths on the board of what is no photo, and the reasons.
        changed: how many changed on the board while they were sent; they come next time.
    """

    new: tuple[CollectedPhoto, ...] = ()
    updated: tuple[CollectedPhoto, ...] = ()
    known: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    changed: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.new + other.new,
            self.updated + other.updated,
            self.known + other.known,
            self.refused + other.refused,
            self.changed + other.changed,
        )


class Inbox:
    """An inbox that this process has locked; ``opened`` makes it. Any thread may call its methods."""

    def __init__(self, folder: Path) -> None:
        """Reads what came before, and finishes what an interrupted run left."""
        self.folder = folder
        self._work = folder / WORK
        self._ready = self._work / "ready"
        self._lock = threading.Lock()
        self.history = History(folder)
        self._ready.mkdir(exist_ok=True)
        for path in sorted(self._ready.iterdir()):
            photo = self.history.photos.get(path.name)
            if photo is None:  # it is on its board, and comes again
                path.unlink()
            else:
                self._put([photo])

    def arriving(self, board: str) -> Path:
        """The folder in which the files of a board arrive."""
        return self._work / "arriving" / safe_name(board)

    def clear(self, board: str) -> None:
        """Removes what is left of a board's transfers, when everything has come."""
        shutil.rmtree(self.arriving(board), ignore_errors=True)

    def take(self, arrivals: Sequence[Arrival]) -> Taken:
        """Puts files that arrived into the inbox, durably; those that did not arrive are left out.

        Raises:
            GraftError: the inbox cannot be written.
        """
        with self._lock, _writing(self.folder):
            taken = Taken()
            lines: dict[str, CollectedPhoto] = {}
            fates: dict[Place, Fate] = {}
            for arrival in arrivals:
                if not _is_plain(arrival.path):
                    continue
                try:
                    one, photo, fate = self._judge(arrival, lines)
                except FileNotFoundError:  # taken by what still runs of a killed collect
                    continue
                taken += one
                if photo is not None:
                    lines[photo.sha256] = photo
                if fate is not None:
                    fates[arrival.place] = fate
            with ThreadPoolExecutor(_WRITERS) as pool:  # together they wait for the disk once
                list(pool.map(sync, (self._ready / photo.sha256 for photo in taken.new)))
            sync(self._ready)
            append_lines(self.folder / COLLECTED_NAME, [photo.to_json() for photo in lines.values()])
            for photo in lines.values():
                self.history.add(photo)
            self._put(lines.values())
            self.history.seen.add(fates)
            return replace(taken, new=tuple(lines[photo.sha256] for photo in taken.new))

    def _judge(
        self, arrival: Arrival, fresh: dict[str, CollectedPhoto]
    ) -> tuple[Taken, CollectedPhoto | None, Fate | None]:
        """Checks one file and brings it to ``ready``; returns its line, and what is to be remembered of its place."""
        waiting = self._ready / "checked"
        arrival.path.replace(waiting)  # where what still runs of a killed collect does not write
        if waiting.lstat().st_size != arrival.photo.bytes:
            waiting.unlink()
            return Taken(changed=1), None, None
        try:
            data = read_photo(waiting)
            image = hashlib.sha256(checked_header(data).data).hexdigest()
        except PhotoError as error:
            waiting.unlink()
            fate = None if error.remedy else Fate(refused=str(error))  # with a remedy it may be readable next time
            return Taken(refused=((arrival.photo.path, str(error)),)), None, fate
        sha256 = hashlib.sha256(data).hexdigest()
        here = next((one for one in fresh.values() if sha256 == one.sha256 or image == one.image), None)
        before = here or self.history.same(sha256, image)
        photo = self._described(arrival, before.sha256 if before else sha256, image, _notes(data))
        fate = Fate(sha256, photo.sha256)
        if before is None:
            photo = replace(photo, file=self._free(photo, fresh))
            waiting.replace(self._ready / sha256)
            return Taken(new=(photo,)), photo, fate
        waiting.unlink()
        if photo.said is None or (photo.kind, photo.label) == (before.kind, before.label):
            return Taken(known=1), None, fate
        photo = self._relabelled(before, photo, fresh)
        return Taken(updated=(photo,)), photo, fate

    def _relabelled(
        self, before: CollectedPhoto, photo: CollectedPhoto, fresh: dict[str, CollectedPhoto]
    ) -> CollectedPhoto:
        """The new line of a photo of which a person said something else meanwhile; takes it from its place."""
        photo = replace(photo, collected=before.collected)
        if before.sha256 not in fresh:
            old = self.folder / before.file
            if not (_is_plain(old) and digest(old) == before.sha256):  # it has been sorted
                return replace(photo, file=before.file)
            with contextlib.suppress(FileNotFoundError):
                old.replace(self._ready / photo.sha256)
        return replace(photo, file=self._free(photo, fresh))

    def _described(self, arrival: Arrival, sha256: str, image: str, noted: PhotoNotes | None) -> CollectedPhoto:
        photo = arrival.photo
        label = safe_name(photo.label)
        notes = noted or photo.kept.notes(label)
        if photo.kept.kind != "uncertain":
            notes = replace(notes, said=label)  # the folder is newer than what was noted when the photo was taken
        return CollectedPhoto(
            sha256=sha256,
            file="",
            board=arrival.board,
            place=printed(photo.path),
            kind=photo.kept.kind,
            label=label,
            model_name=arrival.models.get(notes.model, ""),
            collected=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            notes=notes,
            image=image,
        )

    def _free(self, photo: CollectedPhoto, fresh: dict[str, CollectedPhoto]) -> str:
        """A path in the inbox that no file has."""
        name = safe_name(photo.place.rpartition("/")[2])
        folder = f"{safe_name(photo.board)}/{photo.kind}/{photo.label}"
        stem, suffix = os.path.splitext(name)  # noqa: PTH122  a name that is no path
        taken = {one.file for one in fresh.values()}
        path, number = f"{folder}/{name}", 1
        while path in taken or os.path.lexists(self.folder / path):
            number += 1
            path = f"{folder}/{stem}-{number}{suffix}"
        return path

    def _put(self, photos: Iterable[CollectedPhoto]) -> None:
        """Takes photos from ``ready`` to their places, those that are in ``ready``, durably."""
        folders = set()
        for photo in photos:
            ready = self._ready / photo.sha256
            if not os.path.lexists(ready):
                continue
            target = self.folder / self._checked(photo).file
            target.parent.mkdir(parents=True, exist_ok=True)
            ready.rename(target)
            folders |= {target.parent, *target.parent.parents}
        for folder in folders - {*self.folder.parents}:
            sync(folder)

    def _checked(self, photo: CollectedPhoto) -> CollectedPhoto:
        """A photo with a place where no file is; another one than noted if somebody put a file there meanwhile."""
        if _is_inside(photo.file) and not os.path.lexists(self.folder / photo.file):
            return photo
        photo = replace(photo, file=self._free(photo, {}))
        append_lines(self.folder / COLLECTED_NAME, [photo.to_json()])
        self.history.add(photo)
        return photo


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Inbox]:
    """Opens an inbox, which is created if it does not exist, for this process alone.

    Raises:
        GraftError: another collect has it open, or it cannot be written.
    """
    with _writing(folder):
        (folder / WORK).mkdir(parents=True, exist_ok=True)
        try:
            lock = lock_file(folder / WORK / "lock")
        except NoLocksError as error:
            raise GraftError(f"{folder} is on a file system without locks", "collect into another folder") from error
    if lock is None:
        raise GraftError(f"another graft collect into {folder} is in progress", "wait until it is done")
    with lock:
        with _writing(folder):
            inbox = Inbox(folder)
        yield inbox


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the inbox {folder} cannot be written ({os_reason(error)})"
        raise GraftError(what, "make room or choose another folder, then collect again") from error


def _notes(data: bytes) -> PhotoNotes | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            notes = notes_of(image)
        json.dumps(None if notes is None else notes.to_json(), allow_nan=False)
    except Exception:  # noqa: BLE001  what a damaged or hostile EXIF makes Pillow raise is not documented
        return None
    return notes


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_inside(file: str) -> bool:
    """Whether a path in ``collected.jsonl`` is that of a photo in the inbox."""
    parts = file.split("/")
    return len(parts) > 1 and not any(part in {"", ".", ".."} or part.startswith(".") for part in parts)
