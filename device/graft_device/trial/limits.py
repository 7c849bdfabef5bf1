"""How much memory a model may need, and which user tries it."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path

from graft_device.model import ModelFile
from graft_device.system.confinement import Confinement
from graft_device.system.machine import usable_cores

_NOBODY = 65_534

_BASE, _PER_THREAD = 160_000_000, 24_000_000
_PER_BYTE, _PER_PIXEL = 6, 256
"""Bytes of address space: the largest models need about a third of what these allow. Float32 weights are in memory
twice, mapped and packed; the widest layers take some tens of bytes for each pixel of the input."""


def limits_for(model: ModelFile, seconds: float, store: Path | None = None) -> Confinement:
    """What a child process may have that runs a model.

    Args:
        model: the model.
        seconds: seconds of processor time, for each core.
        store: the store that the model is for. A child of root becomes its owner, or nobody if root owns it.
    """
    memory = _BASE + _PER_BYTE * model.bytes + _PER_PIXEL * model.card.image_size**2 + _PER_THREAD * usable_cores()
    user, group = _stranger(store) if os.geteuid() == 0 else (None, None)
    return Confinement(memory, int(seconds) + 1, user, group)


def _stranger(store: Path | None) -> tuple[int, int]:
    """The ids of the user and group that try a model where this process is root; never root's."""
    user = group = 0
    if store is not None:
        with contextlib.suppress(OSError):
            status = store.stat()
            user, group = status.st_uid, status.st_gid
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(user) if user else pwd.getpwnam("nobody")
        user, group = entry.pw_uid, entry.pw_gid
    return user or _NOBODY, group or _NOBODY
