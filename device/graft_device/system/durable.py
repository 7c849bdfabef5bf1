"""Writes files so that they are complete or absent, even after a power cut."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from graft_device.system.plain import open_plain

CHUNK = 1 << 20
_AT_FDCWD, _RENAME_NOREPLACE, _RENAME_EXCHANGE = -100, 1, 2  # fcntl.h and linux/fs.h
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}  # the file system or the kernel has no such way to rename
_STALE_SECONDS = 24 * 3600
_RANDOM = re.compile(r"[a-z0-9_]{8}\.tmp")  # hex digits, or what mkstemp chose in earlier versions
_NAME_CHARACTERS = 50  # up to four bytes each; a file name may have 255


def sync(path: Path) -> None:
    """Waits until a file's contents, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic_path(target: Path, mode: int | None = None) -> Iterator[Path]:
    """Gives a temporary file beside the target, which replaces the target when the block ends without an error.

    The contents are on the disk before the name is: a crash at any moment leaves the old file or the new one.

    Args:
        target: the file to write.
        mode: its permission bits; what the umask allows when None.

    Raises:
        OSError: the folder is missing, not writable or full.
    """
    temporary = target.with_name(f"{_prefix(target.name)}{os.urandom(4).hex()}.tmp")
    try:  # the name is known before the file is created, so Ctrl-C at any moment leaves none behind
        temporary.touch(0o666 if mode is None else 0o600, exist_ok=False)
        wanted = stat.S_IMODE(temporary.stat().st_mode) if mode is None else mode
        yield temporary
        os.chmod(temporary, wanted)  # noqa: PTH101
        sync(temporary)
        os.replace(temporary, target)  # noqa: PTH105  the tests stop the process before each of these calls
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # the new file is in place: no reason to report a failure
        sync(target.parent)


def write_atomically(target: Path, data: bytes, mode: int | None = None) -> None:
    """Writes a whole file; see ``atomic_path``."""
    with atomic_path(target, mode) as temporary:
        temporary.write_bytes(data)


def write_durably(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Writes a whole file; raises OSError unless its name would survive a power cut too."""
    write_atomically(target, data, mode)
    sync(target.parent)


def exchange(one: Path, other: Path) -> bool:
    """Exchanges two names in one step, without any room on the disk; returns False where the system cannot do that."""
    try:
        call = ctypes.CDLL(None).renameat2  # glibc 2.28
    except (OSError, AttributeError):
        return False
    return bool(call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def rename_to_free(old: Path, new: Path) -> bool:
    """Renames a file in one step, unless the new name is taken.

    Returns:
        False where the system cannot do that; then nothing has changed.

    Raises:
        FileExistsError: the new name is taken.
        OSError: it cannot be renamed, such as to another file system (EXDEV).
    """
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2  # glibc 2.28
    except (OSError, AttributeError):
        return False
    if call(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), os.fspath(old), None, os.fspath(new))


def is_temporary_of(name: str, target: str) -> bool:
    """Whether a file name is one that ``atomic_path`` gives to a temporary file for a target.

    Args:
        name: the name of the file.
        target: the name of the target.
    """
    return name.startswith(_prefix(target)) and _RANDOM.fullmatch(name, len(_prefix(target))) is not None


def remove_stale(folder: Path, targets: re.Pattern[str]) -> None:
    """Removes temporary files that a crash left a day ago or earlier.

    Args:
        folder: where they are; only the files in it are removed, no links.
        targets: what the names of their targets match, at most 50 characters long.
    """
    for path in folder.glob(".*.tmp"):
        target, ending = path.name[1:].rpartition(".")[0].rpartition(".")[::2]
        if targets.fullmatch(target) is None or _RANDOM.fullmatch(f"{ending}.tmp") is None:
            continue
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _STALE_SECONDS:
                path.unlink()


def digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits."""
    sha256 = hashlib.sha256()
    with open_plain(path) as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()


def _prefix(target: str) -> str:
    return f".{target[:_NAME_CHARACTERS]}."
