"""A folder that fills up: each photo once, when it is wholly there."""

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
"""How often the folder is looked through; a large one less often, so that looking takes a tenth of the time at most."""

PATIENCE = 10
"""After how many looks a watch that is to end doesn't wait any longer for a file that still grows."""

_BUSY_SHARE = 0.1
_COARSE_NS = 1_000_000


class Folder:
    """The photos that come into a folder and the folders below it.

    A file counts as whole when its size, time and inode stay the same from one look to the next. One that changes
    later is a new photo; one that is only renamed isn't, if its time is fine enough to know it by. Hidden files and
    folders don't count, and links to folders are not followed.
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
        """Looks at no photo yet.

        Args:
            path: the folder.
            note: takes a line when the folder cannot be read, once an outage, and one for each part of it that is
                passed over.
            existing: whether the photos that lie there at the start count as new.
            once: end when what lies there at the start was given; implies ``existing``.
            poll_s: seconds between looks.
            kept: where unsure pictures go, which don't count.

        Raises:
            SourceError: ``kept`` is the folder itself.
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
        self._told: set[str] = set()

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives a frame a new photo, oldest first; None while there is none.

        Raises:
            SourceError: the folder cannot be read at the start, or not to the end of what is to be given once.
        """
        try:
            before = self._scan()
        except OSError as error:
            raise SourceError(f"cannot read folder {self._root}: {os_reason(error)}") from error
        if not self._existing:
            self._known = dict(before)
        self._awaited = set(before)
        number, looks, wait = 0, 0, self._poll_s
        while not stop.wanted:
            yield from stop.ticks(wait)
            started = time.monotonic()
            now = self._look(before)
            looks += 1
            if not self._once:
                wait = max(self._poll_s, (time.monotonic() - started) / _BUSY_SHARE)
            for path in sorted(self._ready(before, now), key=lambda path: (now[path][1], path)):
                if stop.wanted:
                    return
                self._known[path] = now[path]
                self._awaited.discard(path)
                number += 1
                yield photo_frame(path, number)
            if self._once and self._over(now, looks):
                return
            before = now

    def _look(self, before: dict[str, State]) -> dict[str, State]:
        """The folder's photos now; as before, with a note, while it cannot be read."""
        try:
            now = self._scan()
        except OSError as error:
            if not self._lost:
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

    def _over(self, now: dict[str, State], looks: int) -> bool:
        """Whether nothing is awaited any more of what lay there at the start."""
        if not self._lost:
            self._awaited &= now.keys()
        if looks < PATIENCE:
            return not self._awaited
        if self._lost and self._awaited:
            raise SourceError(f"folder {self._root} went away before all its photos were read; run it again")
        for path in sorted(self._awaited):
            self._note(f"{path} is still being written, so it is left out; run it again when it is whole")
        return True

    def _scan(self) -> dict[str, State]:
        found = scan(self._root, self._apart.below)
        photos = self._without_kept(found.photos) if self._apart.among else found.photos
        for folder, error in found.unread.items():
            self._tell(folder, f"cannot read folder {folder}: {os_reason(error)}; its photos are passed over")
        for link in found.links:
            if link in self._told or _lies_in(link, self._root):
                continue
            self._tell(link, f"{link} is a link to a folder, and not followed; watch that folder itself")
        self._remember(found, photos)
        return photos

    def _remember(self, found: Scan, photos: dict[str, State]) -> None:
        """Forgets photos that are gone; those that only have another name now are known by that."""
        hidden = tuple(folder + os.sep for folder in found.unread)
        gone = {path for path in self._known if path not in photos and not path.startswith(hidden)}
        moved = {state for path, state in self._known.items() if path in gone and _tells_apart(state)}
        self._known = {path: state for path, state in self._known.items() if path not in gone}
        if moved:
            renamed = {path: state for path, state in photos.items() if state in moved and path not in self._known}
            self._known.update(renamed)

    def _without_kept(self, photos: dict[str, State]) -> dict[str, State]:
        root = str(self._root)
        left = {path: state for path, state in photos.items() if os.path.split(path)[0] != root or not is_kept(path)}
        if len(left) < len(photos):
            self._tell(root, f"{root} is a folder of {self._kept}: the unsure pictures in it are left out")
        return left

    def _tell(self, about: str, line: str) -> None:
        if about not in self._told:
            self._told.add(about)
            self._note(line)


def _lies_in(link: str, root: Path) -> bool:
    """Whether what a link leads to is seen without it."""
    return os.path.realpath(link).startswith(os.path.join(os.path.realpath(root), ""))  # noqa: PTH118


def _tells_apart(state: State) -> bool:
    """Whether no other file has this state: an inode is used again, and a time brought along may be a whole second."""
    return state[1] % _COARSE_NS != 0
