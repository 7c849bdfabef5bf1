"""Puts folders and files in place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graft_device.system.durable import sync
from graft_device.system.locks import NoLocksError, try_lock

_NAME_CHARACTERS = 50  # up to four bytes each, and a file name has room for 255
_SUFFIX = ".tmp"
_RANDOM = re.compile(rf"[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")  # what mkdtemp puts behind the prefix


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Creates a temporary folder beside the target, and removes it when the block ends.

    Folders that killed runs left behind are removed first.

    Raises:
        OSError: the target's folder is missing, not writable or full.
    """
    prefix = f".{target.name[:_NAME_CHARACTERS]}."
    _remove_leftovers(target.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=target.parent))
    try:
        with _locked(folder, needed=False):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(product: Path, target: Path) -> None:
    """Moves a finished file or folder to its target. Its contents are on the disk before its name is.

    A file is replaced. A folder is moved away, and moved back if the new one cannot take its place.

    Args:
        product: in a ``staging`` folder of the target.
        target: a path without links.

    Raises:
        OSError: it cannot be written or moved.
    """
    for path in sorted(product.rglob("*")) if product.is_dir() else []:
        sync(path)
    sync(product)
    if not target.is_dir():
        product.replace(target)
    else:
        previous = product.with_name("previous")
        try:
            target.rename(previous)
            product.rename(target)
        except BaseException:  # Ctrl-C may come right after the first one
            if previous.exists() and not target.exists():
                previous.rename(target)
            raise
    with contextlib.suppress(OSError):  # the new name is in place, so a failure here is not reported
        sync(target.parent)


def _remove_leftovers(parent: Path, prefix: str) -> None:
    """Removes the folders of runs that have ended: their folders are no longer locked."""
    for path in parent.iterdir():
        if path.name.startswith(prefix) and _RANDOM.fullmatch(path.name[len(prefix) :]) and _is_private(path):
            with contextlib.suppress(OSError), _locked(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_private(folder: Path) -> bool:
    """Whether this is a folder as ``mkdtemp`` makes it: not a link, and open to this user alone."""
    status = folder.lstat()
    return status.st_mode == stat.S_IFDIR | stat.S_IRWXU and status.st_uid == os.geteuid()


@contextlib.contextmanager
def _locked(folder: Path, *, needed: bool = True) -> Iterator[None]:
    """Holds the folder's lock, which ends with the process; raises OSError if another holds it.

    Args:
        folder: the folder.
        needed: whether a file system without locks is an error, too.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.nullcontext() if needed else contextlib.suppress(NoLocksError):
            if not try_lock(handle):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(folder))
        yield
    finally:
        os.close(handle)
