"""Claims the name of a learned file: one process at a time makes it, and what killed ones left is removed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from graft_device.errors import ExportError, os_reason
from graft_device.learning.request import Request
from graft_device.system.durable import is_temporary_of
from graft_device.system.locks import NoLocksError, try_lock

_NAME_CHARACTERS = 50  # up to four bytes each; a file name may have 255


@contextlib.contextmanager
def claimed(request: Request) -> Iterator[Path]:
    """Makes a folder beside the output that is locked during the block and removed after it.

    The lock is on the folder itself, so a killed process leaves nothing but the folder, which the next one takes over.
    On a file system without locks the folder is not locked.

    Raises:
        ExportError: another process is making the output, or the folder cannot be made or emptied.
    """
    output = request.output.resolve()
    folder = output.with_name(f".{output.name[:_NAME_CHARACTERS]}.learning")
    try:
        handle = _locked(folder, request)
    except OSError as error:
        raise ExportError(f"cannot write {request.output}: {os_reason(error)}") from error
    try:
        try:
            _remove_leftovers(folder, signature_of_output(request))
        except OSError as error:
            raise ExportError(f"cannot remove {folder}, which a killed run left: {os_reason(error)}") from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def signature_of_output(request: Request) -> Path:
    """Where the signature of the output is."""
    return request.output.with_name(f"{request.output.name}.sig")


def _locked(folder: Path, request: Request) -> int:
    """Opens and locks the folder, which is made if it is missing; returns the descriptor that has the lock."""
    while True:
        made = _make(folder)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:  # the process that had it has just removed it
            continue
        except PermissionError as error:
            raise _foreign(folder, request) from error
        try:
            if not made and os.fstat(handle).st_uid != os.geteuid():
                raise _foreign(folder, request)
            if not _try_lock(handle):
                raise ExportError(
                    f"another 'graft-device learn' is making {request.output}",
                    "wait until it has ended, or give another name with -o",
                )
            if _is_at(handle, folder):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _make(folder: Path) -> bool:
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102  the tests stop the process before it
    except FileExistsError:
        return False
    return True


def _foreign(folder: Path, request: Request) -> ExportError:
    """The error for a folder of another user, who may be learning, or whose run was killed."""
    return ExportError(
        f"{folder} belongs to another user, who may be making {request.output}",
        "remove it if nobody is, or give another name with -o",
    )


def _try_lock(handle: int) -> bool:
    try:
        return try_lock(handle)
    except NoLocksError:
        return True


def _is_at(handle: int, folder: Path) -> bool:
    """Whether the folder was not removed and made again before it was locked."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(folder))
    except FileNotFoundError:
        return False


def _remove_leftovers(folder: Path, signature: Path) -> None:
    """Removes what a killed process left: the contents of its folder, and temporary files of the signature."""
    for path in folder.iterdir():
        path.unlink()
    for path in signature.parent.iterdir():
        if is_temporary_of(path.name, signature.name) and path.is_file() and not path.is_symlink():
            path.unlink()
