"""Looks at the folders now and then, for other programs add photos, too."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from typing import Protocol

from graft_device.errors import GraftError
from graft_host.studio.project.signal import Signal


class Watched(Protocol):
    """What is looked at."""

    changed: Signal

    def refresh(self) -> object:
        """Looks at the folders."""


def watch(album: Watched, pause_s: float) -> None:
    """Refreshes an album in a thread of its own while a page shows it, for as long as somebody uses the album.

    Args:
        album: the photos.
        pause_s: between two looks, in seconds.
    """
    threading.Thread(target=_look, args=(weakref.ref(album), pause_s), name="album", daemon=True).start()


def _look(known: weakref.ref[Watched], pause_s: float) -> None:
    while (album := known()) is not None:
        if album.changed.heard:
            with contextlib.suppress(OSError, GraftError):
                album.refresh()
        del album
        time.sleep(pause_s)
