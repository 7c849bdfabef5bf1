"""Claims the name of a learned file: one process at a time makes it, and what killed ones left is removed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graft_device.errors import ExportError, os_reason
from graft_device.learning.request import Request
from graft_device.store.signatures import signature_file
from graft_device.system.durable import is_temporary_of
from graft_device.system.locks import NoLocksError, lock_file

_NAME_CHARACTERS = 50  # up to four bytes each; a file name may have 255
_LOCK = "lock"


@contextlib.contextmanager
def claimed(request: Request) -> Iterator[Path]:
    """Makes a folder beside the output that is this process's alone during the block, and is removed after it.

    The lock ends with the process, so a killed one leaves nothing but the folder, which the next one takes over. On a
    file system without locks there is none.

    Raises:
        ExportError: another process is making the output, or the folder cannot be made or emptied.
    """
    output = request.output.resolve()
    folder = output.with_name(f".{output.name[:_NAME_CHARACTERS]}.learning")
    try:
        lock = _locked(folder, request)
    except OSError as error:
        raise ExportError(f"cannot write {request.output}: {os_reason(error)}") from error
    with lock or contextlib.nullcontext():
        try:
            _empty(folder)
            _remove_parts(signature_file(request.output))
        except OSError as error:
            what = f"cannot remove what a killed run left in {folder}: {os_reason(error)}"
            raise ExportError(what, "remove it") from error
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):  # the lock last: from then on the folder is the next one's
                _empty(folder)
                (folder / _LOCK).unlink(missing_ok=True)
                folder.rmdir()


def _locked(folder: Path, request: Request) -> BinaryIO | None:
    """Makes and locks the folder; None on a file system without locks."""
    while True:
        _make(folder, request)
        try:
            lock = lock_file(folder / _LOCK)
            if lock is None:
                raise ExportError(
                    f"another 'graft-device learn' is making {request.output}",
                    "wait until it has ended, or give another name with -o",
                )
            if os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
                return lock
            lock.close()  # of a process that removed it before it was locked here
        except NoLocksError:
            return None
        except FileNotFoundError:  # another process has just removed the folder
            continue


def _make(folder: Path, request: Request) -> None:
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102  the tests stop the process before it
    except FileExistsError as error:
        with contextlib.suppress(FileNotFoundError):  # it has just been removed
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                raise ExportError(
                    f"cannot make {request.output} while {folder} is there, a link or another user's folder",
                    "remove it if nobody else is learning, or give another name with -o",
                ) from error


def _empty(folder: Path) -> None:
    """Removes all but the lock."""
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink()


def _remove_parts(signature: Path) -> None:
    """Removes unfinished files of a signature, which only a killed process leaves."""
    for path in signature.parent.iterdir():
        if is_temporary_of(path.name, signature.name) and path.is_file() and not path.is_symlink():
            path.unlink()
