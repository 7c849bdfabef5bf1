"""Folders and files that take their place whole or not at all, whoever writes them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graft_device.system.durable import sync

_NAME_CHARACTERS = 50  # up to four bytes each, and a file name has room for 255
_SUFFIX = ".tmp"


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A temporary folder beside the target, gone when the block ends; what a killed run left of one goes first.

    Raises:
        OSError: the target's folder is missing, not writable or full.
    """
    prefix = f".{target.name[:_NAME_CHARACTERS]}."
    _remove_leftovers(target.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=target.parent))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(product: Path, target: Path) -> None:
    """Moves a finished file or folder to where it belongs, on the disk before its name is.

    A file replaces what is there. A folder that is there makes way, and comes back if the new one can't take its place.

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
        target.rename(previous)
        try:
            product.rename(target)
        except BaseException:
            previous.rename(target)
            raise
    with contextlib.suppress(OSError):  # the new name is there by now, no reason to report a failure
        sync(target.parent)


def _remove_leftovers(parent: Path, prefix: str) -> None:
    """Removes the folders of runs that are no more: theirs are no longer locked."""
    for path in parent.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(_SUFFIX) and path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError), _locked(path):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with the process; raises OSError if another holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
