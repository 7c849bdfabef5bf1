"""A folder that fills up: each photo once, when it is wholly there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import os_reason
from graft_device.sources.base import Frame, Note, SourceError
from graft_device.sources.files import photo_frame
from graft_device.stopping import Stop

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

POLL_S = 0.5
"""How often the folder is looked through; a large one less often, so that looking takes a tenth of the time at most."""

_BUSY_SHARE = 0.1
_State = tuple[int, int, int]


class Folder:
    """The photos that come into a folder and the folders below it.

    A file counts as whole when its size, time and inode stay the same from one look to the next. One that changes
    later is a new photo. Hidden files and folders don't count.
    """

    live = False

    def __init__(
        self, path: Path, note: Note, existing: bool = False, once: bool = False, poll_s: float = POLL_S
    ) -> None:
        """Looks at nothing yet.

        Args:
            path: the folder.
            note: takes a line when the folder cannot be read, once an outage.
            existing: whether the photos that lie there at the start count as new.
            once: end when what lies there at the start was given; implies ``existing``.
            poll_s: seconds between looks.
        """
        self.name = str(path)
        self._root = path
        self._note = note
        self._existing = existing or once
        self._once = once
        self._poll_s = poll_s
        self._known: dict[str, _State] = {}
        self._lost = False

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        """Gives a frame a new photo, oldest first; None while there is none.

        Raises:
            SourceError: the folder cannot be read at the start.
        """
        try:
            before = _photos(self._root)
        except OSError as error:
            raise SourceError(f"cannot read folder {self._root}: {os_reason(error)}") from error
        if not self._existing:
            self._known = dict(before)
        number, wait = 0, self._poll_s
        while not stop.wanted:
            yield from stop.ticks(wait)
            started = time.monotonic()
            now = self._look(before)
            wait = max(self._poll_s, (time.monotonic() - started) / _BUSY_SHARE)
            for path in sorted(self._ready(before, now), key=lambda path: (now[path][1], path)):
                if stop.wanted:
                    return
                self._known[path] = now[path]
                number += 1
                yield photo_frame(path, number)
            if self._once and all(self._known.get(path) == state for path, state in now.items()):
                return
            before = now

    def _look(self, before: dict[str, _State]) -> dict[str, _State]:
        """The folder's photos now; as before, with a note, while it cannot be read."""
        try:
            now = _photos(self._root)
        except OSError as error:
            if not self._lost:
                self._note(f"cannot read folder {self._root}: {os_reason(error)}; waiting for it")
            self._lost = True
            return before
        if self._lost:
            self._note(f"folder {self._root} is back")
        self._lost = False
        self._known = {path: state for path, state in self._known.items() if path in now}
        return now

    def _ready(self, before: dict[str, _State], now: dict[str, _State]) -> list[str]:
        if self._lost:
            return []
        return [path for path, state in now.items() if before.get(path) == state and self._known.get(path) != state]


def is_photo(name: str) -> bool:
    """Whether a file's name is that of a photo."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122  many a second


def _photos(root: Path) -> dict[str, _State]:
    """Size, modification time in ns and inode of each photo at or below a folder; raises OSError for the root."""
    found: dict[str, _State] = {}
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _add(entry, found, folders)
        except OSError:
            if folder == str(root):
                raise
    return found


def _add(entry: os.DirEntry[str], found: dict[str, _State], folders: list[str]) -> None:
    try:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                folders.append(entry.path)
        elif is_photo(entry.name) and entry.is_file():
            stat = entry.stat()
            found[entry.path] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError:  # deleted in between
        return
