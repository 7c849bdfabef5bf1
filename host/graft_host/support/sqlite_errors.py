"""Distinguishes SQLite's errors: a full disk, a damaged file, and all others."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from graft_device.errors import why
from graft_device.system.locks import NoLocksError

_ROOM = 1 << 20  # bytes; SQLite's shared memory file needs 32 KiB, and gives an I/O error where there is less
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

# SQLite's primary result codes, from sqlite.org/rescode.html; the sqlite3 module has them from Python 3.11 on.
_ERROR, BUSY, LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _NOTADB = 1, 5, 6, 8, 10, 11, 13, 26
_TOOBIG, _CONSTRAINT, _MISMATCH, _RANGE = 18, 19, 20, 25
_DAMAGE = (_ERROR, _CORRUPT, _NOTADB, _TOOBIG, _CONSTRAINT, _MISMATCH, _RANGE)
"""Codes of a damaged file. Our statements are right, so a general error means a table that is not ours."""

_CODES = {
    "is locked": BUSY,
    "is full": _FULL,
    "disk I/O error": _IOERR,
    "malformed": _CORRUPT,
    "not a database": _NOTADB,
    "readonly database": _READONLY,
    "no such": _ERROR,
    "ould not decode": _ERROR,
    "too big": _TOOBIG,
    "constraint failed": _CONSTRAINT,
    "mismatch": _MISMATCH,
}
"""Texts of SQLite and of the sqlite3 module for errors without a code: all before Python 3.11, and after it a column
that is not UTF-8."""

TROUBLE = (sqlite3.Error, OSError, UnicodeDecodeError, MemoryError)
"""What reading and writing a database may raise; MemoryError where a damaged length asks for too much."""


def is_damage(error: BaseException, path: Path) -> bool:
    """Whether an error means that the database file is damaged.

    Args:
        error: one of ``TROUBLE``.
        path: the file.
    """
    code = sqlite_code(error)
    if code == _READONLY:  # a damaged header asks for a later version of SQLite to write with
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code in _DAMAGE or isinstance(error, (UnicodeDecodeError, MemoryError))


def explained(error: Exception, folder: Path, content: str) -> tuple[str, str]:
    """What is wrong, and what to do about it.

    Args:
        error: one of ``TROUBLE``.
        folder: where the database is.
        content: the name of what the database holds, such as ``bottlenecks``.
    """
    code = sqlite_code(error)
    full = code == _FULL or (isinstance(error, OSError) and error.errno in _NO_ROOM)
    if isinstance(error, NoLocksError):
        return why(error), "name a folder on another one with --cache DIR"
    if full or (code == _IOERR and _free(folder) < _ROOM):
        return "the disk is full", "free some space, or put the cache elsewhere with --cache DIR"
    if code in _DAMAGE or isinstance(error, (UnicodeDecodeError, MemoryError)):
        return f"the file is damaged ({error})", f"remove it, and its {content} are computed again"
    return why(error), "check that the folder can be written to, or choose another one with --cache DIR"


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code; None for an error that is not SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return None
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    if extended is not None:
        return extended & 0xFF
    return next((code for text, code in _CODES.items() if text in str(error)), None)


def _free(folder: Path) -> int:
    """The free bytes on the folder's disk."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
