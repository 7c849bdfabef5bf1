"""Moves one file without ever replacing another, and so that a crash leaves it whole in one of its two places.

On one file system a move is one step of the system. Across file systems the file is copied beside its new place, its
copy is read again and compared, it gets its name, and only then the original is removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

from graft_device.system.durable import digest, rename_to_free, sync

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def move_file(source: Path, target: Path, sha256: str, temporary: Path) -> None:
    """Moves a plain file to a name that is free; content and time of change stay.

    Args:
        source: the file.
        target: its new path, in a folder that exists.
        sha256: of its content, in hex; a copy that is not the same is not used. Empty if nobody has read it.
        temporary: where a copy is written if it is on another file system, in the target's folder.

    Raises:
        FileExistsError: the new name is taken.
        OSError: the file cannot be moved; it is still in its old place.
    """
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, sha256, temporary)
        source.unlink()


def settle_file(source: Path, target: Path, sha256: str) -> bool:
    """Ends a move of which a crash left both names: removes the old one if both are the same picture.

    Returns:
        False if they are different pictures; then nothing is changed.
    """
    old, new = source.lstat(), target.lstat()
    if not stat.S_ISREG(new.st_mode) or not (
        os.path.samestat(old, new) or digest(target) == (sha256 or digest(source))
    ):
        return False
    source.unlink()
    return True


def _rename(source: Path, target: Path) -> None:
    """Renames a file unless the new name is taken, in one step where the file system can do that."""
    if rename_to_free(source, target):
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from error
        source.rename(target)  # file systems such as FAT have nothing better
    else:
        source.unlink()


def _copy(source: Path, target: Path, sha256: str, temporary: Path) -> None:
    try:
        shutil.copy2(source, temporary, follow_symlinks=False)
        sync(temporary)
        if digest(temporary) != (sha256 or digest(source)):
            raise OSError(errno.EIO, "the copy is not the same as the original")
        _rename(temporary, target)
        sync(target.parent)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
