"""What is kept between two runs of a studio, so that a window that is still open goes on: its token and its port."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from graft_device.system.durable import write_atomically
from graft_device.system.plain import read_plain

_HOURS_12 = 12 * 3600
_MOST_BYTES = 4096


@dataclass(frozen=True)
class Remembered:
    """What a studio had when it ran last.

    Attributes:
        token: what the cookies of its windows contain.
        port: where it listened.
    """

    token: str
    port: int


class Memory:
    """The file for one project, in the user's cache folder, which other users cannot read."""

    def __init__(self, cache: Path, root: Path) -> None:
        """Finds the file.

        Args:
            cache: the folder of caches.
            root: the folder of the project.
        """
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
        self._path = cache / "studio" / f"{name}.json"

    def recall(self, now: float) -> Remembered | None:
        """What is kept; None if there is nothing, or it is older than 12 hours.

        Args:
            now: in seconds since 1970.
        """
        try:
            status = self._path.lstat()
            if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
                return None  # somebody else may know it
            if not 0 <= now - status.st_mtime < _HOURS_12:
                return None
            content = json.loads(read_plain(self._path, _MOST_BYTES))
            token, port = content["token"], content["port"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Remembered(token, port) if isinstance(token, str) and isinstance(port, int) and token else None

    def keep(self, remembered: Remembered) -> None:
        """Keeps it; a cache that cannot be written keeps nothing, and windows need a new address then."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(asdict(remembered)).encode(), 0o600)
