"""Where an event queue is stored if ``--queue`` does not name a folder."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.system.homes import user_folder


def queue_folder(name: str, identity: str) -> Path:
    """The default folder of a queue: one for each receiver, where programs keep their state.

    Args:
        name: the receiver, for a person who reads the folder's name.
        identity: a text that is unique to the receiver.

    Returns:
        A folder below systemd's ``StateDirectory=``, ``$XDG_STATE_HOME`` or ``~/.local/state``. It need not exist.

    Raises:
        GraftError: there is no home folder.
    """
    root = state_folder()
    if root is None:
        raise GraftError("there is no home folder to keep events in", "name a folder with --queue")
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:80]
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return root / "queue" / f"{readable}-{digest[:8]}"


def state_folder() -> Path | None:
    """Where graftkit keeps what it remembers: systemd's ``StateDirectory=``, ``$XDG_STATE_HOME`` or ``~/.local/state``.

    Returns:
        The folder, which need not exist; None if there is no home folder.
    """
    service = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(service) if service else user_folder("XDG_STATE_HOME", ".local/state")
