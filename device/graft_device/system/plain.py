"""Opens files that a person or another program names, without ever waiting for a pipe or reading a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Union

PathLike = Union[str, "os.PathLike[str]"]

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


class NotAFileError(OSError):
    """A path leads to a folder, pipe, socket or device. ``strerror`` says to which."""


def open_plain(path: PathLike) -> BinaryIO:
    """Opens a plain file, or a link to one, for reading.

    Opening a named pipe blocks until somebody writes to it, reading a device may never end, and merely opening some
    devices has effects. So the type is checked before the file is opened, and again on what was opened.

    Args:
        path: the file.

    Raises:
        NotAFileError: it is a folder, pipe, socket or device.
        OSError: the file is missing or may not be read.
        ValueError: the path contains a NUL.
    """
    _check(os.stat(path), path)  # noqa: PTH116  Path("") would be the current folder
    file = open(path, "rb", opener=_open)  # noqa: SIM115  Ctrl-C may come at any time, so the file alone closes it
    try:
        _check(os.fstat(file.fileno()), path)
    except BaseException:
        file.close()
        raise
    return file


def read_plain(path: PathLike, limit: int | None = None) -> bytes:
    """Reads a plain file.

    Args:
        path: the file.
        limit: the largest size in bytes; None for no limit.

    Raises:
        OSError: the file cannot be read, as ``open_plain`` describes, or is larger than the limit (EFBIG).
        ValueError: the path contains a NUL.
    """
    with open_plain(path) as file:
        data = file.read() if limit is None else file.read(limit + 1)
    if limit is not None and len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", os.fspath(path))
    return data


def check_plain(path: PathLike) -> None:
    """Checks a file that a library will open by its name.

    Raises:
        NotAFileError: it is a folder, pipe, socket or device.
        OSError: the file is missing.
        ValueError: the path contains a NUL.
    """
    _check(os.stat(path), path)  # noqa: PTH116


def check_plain_if_there(*paths: Path) -> None:
    """Raises NotAFileError if one of the paths leads to a folder, pipe, socket or device. A file may be missing."""
    for path in paths:
        try:
            check_plain(path)
        except FileNotFoundError:
            continue


def _open(path: str, _: int) -> int:
    return os.open(path, _FLAGS)


def _check(status: os.stat_result, path: PathLike) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise NotAFileError(errno.EISDIR, "a folder, not a file", os.fspath(path))
    kind = "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise NotAFileError(errno.EINVAL, f"{kind}, not a file", os.fspath(path))
