"""The table ``[boards]`` of ``studio.toml``; the rest of the file, and a person's comments, stay as they are."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from graft_device.errors import os_reason
from graft_device.system.durable import write_atomically
from graft_device.system.locks import NoLocksError, lock_file
from graft_device.system.plain import read_plain
from graft_host.studio.board_list.kept import TABLE, KeptBoard, read_kept
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import WORK, Project

_MOST_BYTES = 1 << 20
_WAIT_S = 5.0
_PAUSE_S = 0.02


def read_table(project: Project) -> tuple[KeptBoard, ...]:
    """The boards of a project.

    Raises:
        StudioError: ``studio.toml`` cannot be read.
    """
    table = _document(project).get(TABLE)
    return read_kept(table) if isinstance(table, dict) else ()


def change_table(project: Project, change: Callable[[MutableMapping[str, Any]], object]) -> None:
    """Changes the table, one studio at a time.

    Args:
        project: whose file it is.
        change: changes the table.

    Raises:
        StudioError: ``studio.toml`` cannot be read or written.
    """
    import tomlkit

    path = project.inside(project.settings.name)
    try:
        with _alone(project.inside(f"{WORK}/settings.lock")):
            document = _document(project)
            if not isinstance(document.get(TABLE), dict):
                document[TABLE] = tomlkit.table()
            change(document[TABLE])
            write_atomically(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise StudioError(f"cannot write {path}: {os_reason(error)}", "make it writable") from error


def _document(project: Project) -> MutableMapping[str, Any]:
    import tomlkit
    from tomlkit.exceptions import ParseError

    path = project.inside(project.settings.name)
    try:
        return tomlkit.parse(read_plain(path, _MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise StudioError(f"cannot read {path}: {os_reason(error)}", "make it readable") from error
    except (ParseError, UnicodeDecodeError) as error:
        raise StudioError(f"{path} is not TOML: {error}", "correct it, or move it away") from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds a lock, which another studio holds only for a moment; goes on without one where it never comes."""
    waited = threading.Event()
    lock = None
    with contextlib.suppress(NoLocksError):
        for _ in range(round(_WAIT_S / _PAUSE_S)):
            lock = lock_file(path)
            if lock is not None:
                break
            waited.wait(_PAUSE_S)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()
