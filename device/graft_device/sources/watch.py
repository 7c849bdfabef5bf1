"""A source that watches a folder and gives each new photo once, when it is complete."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.sources.apart import apart, is_kept
from graft_device.sources.arrivals import Arrival, Arrivals
from graft_device.sources.base import Frame, Note, SourceError
from graft_device.sources.contents import is_whole, read_now
from graft_device.sources.files import loaded_frame, photo_frame
from graft_device.sources.scanning import State, is_photo, is_unfinished, scan
from graft_device.system.stopping import Stop

POLL_S = 0.5
"""Seconds between two scans. A large folder is scanned less often, so that scans take at most a tenth of the time."""

PATIENCE = 10
"""The number of scans after which a watch with ``once`` stops waiting for files that still grow."""

_BUSY_SHARE = 0.1
_UNFINISHED_SCANS = 60
_NEVER_WHOLE = 20


class Folder:
    """The new photos in a folder and the folders below it.

    A file is complete when it is the same in two scans. A file that changes later is a new photo. A file that is only
    renamed is not, provided that its time is precise enough to recognize it. A file that is rewritten so often that it
    never rests is read as it is, if it is a complete photo then. Files with the name of a photo are taken, and others
    that contain one. Hidden files and folders and those of systems (``is_service_name``) are skipped, and links to
    folders are not followed.
    """

    live = False

    def __init__(
        self,
        path: Path,
        note: Note,
        existing: bool = False,
        once: bool = False,
        poll_s: float = POLL_S,
        kept: Path | None = None,
    ) -> None:
        """Scans nothing until the first frame is requested.

        Args:
            path: the folder.
            note: called with a line when the folder cannot be read, once per outage, and once for each part of it
                that is skipped.
            existing: whether the photos that are there at the start count as new.
            once: whether to end after the photos that are there at the start; implies ``existing``.
            poll_s: seconds between two scans.
            kept: the folder where uncertain photos are kept, which are skipped; None for no such folder.

        Raises:
            SourceError: ``kept`` is the watched folder itself.
        """
        self.name = str(path)
        self._root = path
        self._note = note
        self._existing = existing or once
        self._once = once
        self._poll_s = poll_s
        self._kept = kept
        self._apart = apart(path, kept)
        self._arrivals = Arrivals(patient=not once)
        self._no_photos: dict[str, State] = {}
        self._awaited: set[str] = set()
        self._lost = False
        self._lost_at = 0.0
        self._noted: set[str] = set()

    @property
    def lost_s(self) -> float:
        """Seconds since the folder could no longer be read; 0 while it can."""
        return time.monotonic() - self._lost_at if self._lost else 0.0

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Yields a frame for each new photo, oldest first, and None while there is none.

        Raises:
            SourceError: the folder cannot be read at the start, or is lost before ``once`` has given all its photos.
        """
        try:
            before = self._scan()
        except OSError as error:
            raise SourceError(f"cannot read folder {self._root}: {os_reason(error)}") from error
        if not self._existing:
            for path, state in before.items():
                self._arrivals.give(path, state)
        self._awaited = {
            path for path in before if is_photo(_name(path)) or (self._once and is_whole(path) is not None)
        }
        number, scans, wait = 0, 0, self._poll_s
        while not stop.wanted:
            yield from stop.ticks(wait)
            started = time.monotonic()
            now = self._rescan(before)
            scans += 1
            if not self._once:
                wait = max(self._poll_s, (time.monotonic() - started) / _BUSY_SHARE)
            for arrival in sorted(self._arrived(before, now), key=lambda new: (new.state.mtime_ns, new.path)):
                if stop.wanted:
                    return
                frame = self._frame(arrival, number + 1)
                if frame is not None:
                    number += 1
                    yield frame
            if self._once and self._over(now, scans):
                return
            before = now

    def _frame(self, arrival: Arrival, number: int) -> Frame | None:
        """The frame for a file; None if it is not a photo, or not a complete one."""
        path, state = arrival.path, arrival.state
        if not self._is_wanted(arrival):
            return None
        if not arrival.restless:
            self._arrivals.give(path, state)
            self._awaited.discard(path)
            return photo_frame(path, number)
        now = read_now(path)
        if now is None:
            if arrival.rewritten >= _NEVER_WHOLE:
                self._note_once(path, f"{path} is rewritten all the time and was never complete when it was read; "
                                      "write it under another name, then rename it")  # fmt: skip
            return None
        self._arrivals.give(path, now.state)
        self._awaited.discard(path)
        return loaded_frame(path, now.data, number)

    def _is_wanted(self, arrival: Arrival) -> bool:
        """Whether a file is a photo by its name, or else by its contents."""
        path, state = arrival.path, arrival.state
        if is_photo(_name(path)):
            return True
        if path in self._no_photos and self._no_photos[path].same(state):
            return False
        unfinished = is_unfinished(_name(path))
        if unfinished and arrival.scans < _UNFINISHED_SCANS and not self._once:
            return False
        whole = is_whole(path)
        if whole and not unfinished:
            return True
        if whole:
            ending = path[path.rfind(".") :]
            reason = f"names that end in {ending} are those of files that are not complete"
            self._note_once("unfinished", f"{path} is passed over: {reason}; rename it, and others like it")
        elif whole is False and not (arrival.restless or unfinished):
            reason = "it begins like a photo, but is cut short, and its name is not that of a photo"
            self._note_once("cut short", f"{path} is passed over, and others like it: {reason}")
        self._no_photos[path] = state
        self._awaited.discard(path)
        return False

    def _rescan(self, before: dict[str, State]) -> dict[str, State]:
        """Scans again. While the folder cannot be read, notes it and returns the photos of the last scan."""
        try:
            now = self._scan()
        except OSError as error:
            if not self._lost:
                self._lost_at = time.monotonic()
                self._note(f"cannot read folder {self._root}: {os_reason(error)}; waiting for it")
            self._lost = True
            return before
        if self._lost:
            self._note(f"folder {self._root} is back")
        self._lost = False
        return now

    def _arrived(self, before: dict[str, State], now: dict[str, State]) -> list[Arrival]:
        if self._lost:
            return []
        arrivals = self._arrivals.scanned(before, now)
        return [arrival for arrival in arrivals if arrival.path in self._awaited] if self._once else arrivals

    def _over(self, now: dict[str, State], scans: int) -> bool:
        """Whether no photo of those at the start is still awaited."""
        if not self._lost:
            self._awaited &= now.keys()
        if scans < PATIENCE:
            return not self._awaited
        if self._lost and self._awaited:
            raise SourceError(f"folder {self._root} was lost before all its photos were read", "run it again")
        for path in sorted(self._awaited):
            self._note(f"{path} is still being written, so it is skipped; run it again when it is complete")
        return True

    def _scan(self) -> dict[str, State]:
        result = scan(self._root, self._apart.below)
        files = {**result.photos, **result.others}
        if self._apart.among:
            files = self._without_kept(files)
        for folder, error in result.unread.items():
            self._note_once(folder, f"cannot read folder {folder}: {os_reason(error)}; its photos are skipped")
        for link in result.links:
            if link in self._noted or _lies_in(link, self._root):
                continue
            self._note_once(link, f"{link} is a link to a folder, which is not followed; watch that folder itself")
        self._arrivals.follow(files, tuple(folder + os.sep for folder in result.unread))
        self._no_photos = {path: state for path, state in self._no_photos.items() if path in files}
        return files

    def _without_kept(self, photos: dict[str, State]) -> dict[str, State]:
        root = str(self._root)
        left = {path: state for path, state in photos.items() if os.path.split(path)[0] != root or not is_kept(path)}
        if len(left) < len(photos):
            self._note_once(root, f"{root} is a folder of {self._kept}: the uncertain photos in it are skipped")
        return left

    def _note_once(self, about: str, line: str) -> None:
        if about not in self._noted:
            self._noted.add(about)
            self._note(line)


def _lies_in(link: str, root: Path) -> bool:
    """Whether the target of a link is below the root, and so is scanned anyway."""
    return os.path.realpath(link).startswith(os.path.join(os.path.realpath(root), ""))  # noqa: PTH118


def _name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119  many a second
