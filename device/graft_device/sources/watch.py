"""A source that watches a folder and gives each new photo once, when it is complete."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.sources.apart import apart, is_kept
from graft_device.sources.base import Frame, Note, SourceError
from graft_device.sources.files import photo_frame
from graft_device.sources.scanning import Scan, State, scan
from graft_device.system.stopping import Stop

POLL_S = 0.5
"""Seconds between two scans. A large folder is scanned less often, so that scans take at most a tenth of the time."""

PATIENCE = 10
"""The number of scans after which a watch with ``once`` stops waiting for files that still grow."""

_BUSY_SHARE = 0.1
_COARSE_NS = 1_000_000


class Folder:
    """The new photos in a folder and the folders below it.

    A file is complete when its size, time and inode are the same in two scans. A file that changes later is a new
    photo. A file that is only renamed is not, provided that its time is precise enough to recognize it. Hidden files
    and folders and those of systems (``is_service_name``) are skipped, and links to folders are not followed.
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
        self._known: dict[str, State] = {}
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
            self._known = dict(before)
        self._awaited = set(before)
        number, scans, wait = 0, 0, self._poll_s
        while not stop.wanted:
            yield from stop.ticks(wait)
            started = time.monotonic()
            now = self._rescan(before)
            scans += 1
            if not self._once:
                wait = max(self._poll_s, (time.monotonic() - started) / _BUSY_SHARE)
            for path in sorted(self._ready(before, now), key=lambda path: (now[path][1], path)):
                if stop.wanted:
                    return
                self._known[path] = now[path]
                self._awaited.discard(path)
                number += 1
                yield photo_frame(path, number)
            if self._once and self._over(now, scans):
                return
            before = now

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

    def _ready(self, before: dict[str, State], now: dict[str, State]) -> list[str]:
        if self._lost:
            return []
        fresh = [path for path, state in now.items() if before.get(path) == state and self._known.get(path) != state]
        return [path for path in fresh if path in self._awaited] if self._once else fresh

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
        photos = self._without_kept(result.photos) if self._apart.among else result.photos
        for folder, error in result.unread.items():
            self._note_once(folder, f"cannot read folder {folder}: {os_reason(error)}; its photos are skipped")
        for link in result.links:
            if link in self._noted or _lies_in(link, self._root):
                continue
            self._note_once(link, f"{link} is a link to a folder, which is not followed; watch that folder itself")
        self._remember(result, photos)
        return photos

    def _remember(self, result: Scan, photos: dict[str, State]) -> None:
        """Forgets photos that are gone, and recognizes those that were only renamed."""
        hidden = tuple(folder + os.sep for folder in result.unread)
        gone = {path for path in self._known if path not in photos and not path.startswith(hidden)}
        moved = {state for path, state in self._known.items() if path in gone and _is_unique(state)}
        self._known = {path: state for path, state in self._known.items() if path not in gone}
        if moved:
            renamed = {path: state for path, state in photos.items() if state in moved and path not in self._known}
            self._known.update(renamed)

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


def _is_unique(state: State) -> bool:
    """Whether no other file can have this state: inodes are used again, and a copied time may be a whole second."""
    return state[1] % _COARSE_NS != 0
