"""Recognises what graftkit made in a store, so that nothing else is ever moved or removed.

A store contains the file ``graftkit-store``, which its first install writes. A folder without that file becomes a
store only if it is empty, or contains nothing but what earlier versions, ``graft deploy`` and the documents put into
one.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from graft_device.store.exit_codes import StoreError, is_full
from graft_device.store.slots import ID_LENGTH, MODEL_NAME, SIGNATURE_NAME, SLOT_NAME, Store
from graft_device.system.durable import is_temporary_of, sync

MARKER = "graftkit-store"
_TEXT = b"graftkit keeps models in this folder; 'graft-device models' lists them.\n"

_SLOT_FILES = (MODEL_NAME, SIGNATURE_NAME, SLOT_NAME)
_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_WORKBENCH = re.compile(r"tmp[a-z0-9_]{8}")
"""The names that ``tempfile.mkdtemp`` gives."""

_FILES = ("allowed_signers", "lock", "newest", "switch.json", ".deploy.lock", ".kits.lock")
_LINKS = {"current": "slots", "previous": "slots", "venv": "kits", ".venv.new": "kits"}
_SWITCHED = ("current", "previous")
_FOLDERS = ("slots", "staging", "incoming", "kits", "queue", "lost+found", "System Volume Information")
"""What a store may contain beside its slots: kits, the queue of a service of the same name, a disk's own folders."""


def claim(store: Store) -> None:
    """Makes a folder a store if it may become one, and checks the folders in it.

    Raises:
        StoreError: the folder contains something that is not graftkit's, or a folder of the store is a link.
        OSError: the folder cannot be read or written.
    """
    if not store.root.is_dir():
        _make_folder(store.root)
    if not _is_marked(store.root):
        foreign = next(_foreign(store), None)
        if foreign is not None:
            raise StoreError(
                f"{store.root} is not a store: it contains {foreign}, which is not graftkit's",
                "name a new or empty folder with --store",
            )
        _mark(store.root)
    for folder in (store.slots_folder, store.staging, store.incoming):
        if not os.path.lexists(folder):
            _make_folder(folder)
        elif not is_real_folder(folder):
            raise StoreError(f"{folder} is not a folder", "move it away, or choose another folder with --store")


def is_real_folder(path: Path) -> bool:
    """Whether a path is a folder and not a link to one; False if it does not exist."""
    return _type(path) == stat.S_IFDIR


def is_own_slot(folder: Path) -> bool:
    """Whether a folder in ``slots`` contains only what graftkit puts into a slot; it need not be complete."""
    return _ID.fullmatch(folder.name) is not None and _has_only_slot_files(folder)


def is_own_workbench(folder: Path) -> bool:
    """Whether a folder in ``staging`` is one that an install or rollback left when it was interrupted."""
    if _WORKBENCH.fullmatch(folder.name) is None or not is_real_folder(folder):
        return False
    return all(_is_of_workbench(path) for path in _entries(folder))


def leftovers(store: Store) -> Iterator[Path]:
    """The temporary files that interrupted writes left in the store and its slots."""
    places: list[tuple[Path, tuple[str, ...]]] = [(store.root, (store.journal.name, store.newest.name))]
    places += [(slot, _SLOT_FILES) for slot in _entries(store.slots_folder) if is_own_slot(slot)]
    for folder, names in places:
        for path in _entries(folder):
            if any(is_temporary_of(path.name, name) for name in names) and _type(path) == stat.S_IFREG:
                yield path
    for path in _entries(store.root):
        if any(is_temporary_of(path.name, link) for link in _SWITCHED) and _type(path) == stat.S_IFLNK:
            yield path


def _foreign(store: Store) -> Iterator[str]:
    """What is in a folder that graftkit did not make, as paths relative to it."""
    for path in sorted(_entries(store.root)):
        if not _is_of_store(path, store):
            yield path.name
        elif path == store.slots_folder:
            yield from (f"{path.name}/{slot.name}" for slot in _entries(path) if not is_own_slot(slot))
        elif path == store.staging:
            yield from (f"{path.name}/{bench.name}" for bench in _entries(path) if not is_own_workbench(bench))


def _is_of_store(path: Path, store: Store) -> bool:
    name, kind = path.name, _type(path)
    if name in _LINKS:
        return kind == stat.S_IFLNK and os.readlink(path).rpartition("/")[0] == _LINKS[name]  # noqa: PTH115  its text
    if name in _FOLDERS:
        return kind == stat.S_IFDIR
    if name == "allowed_signers":
        return kind in {stat.S_IFREG, stat.S_IFLNK}
    if kind == stat.S_IFLNK:
        return any(is_temporary_of(name, link) for link in _SWITCHED)
    temporary = any(is_temporary_of(name, target) for target in (store.journal.name, store.newest.name))
    return (temporary or name in _FILES) and kind == stat.S_IFREG


def _is_of_workbench(path: Path) -> bool:
    if path.name in {"current", "previous"}:
        return _type(path) == stat.S_IFLNK
    if path.name == "broken" or _ID.fullmatch(path.name):  # a slot that is being removed
        return _has_only_slot_files(path)
    return path.name in _SLOT_FILES and _type(path) == stat.S_IFREG


def _has_only_slot_files(folder: Path) -> bool:
    return is_real_folder(folder) and all(
        _type(path) == stat.S_IFREG
        and any(path.name == name or is_temporary_of(path.name, name) for name in _SLOT_FILES)
        for path in _entries(folder)
    )


def _entries(folder: Path) -> list[Path]:
    """What a folder contains; nothing if it is missing."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _type(path: Path) -> int | None:
    """The type of a file, as in ``stat.S_IFREG``, of a link as such; None if it does not exist."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return None


def _is_marked(root: Path) -> bool:
    return _type(root / MARKER) == stat.S_IFREG


def _mark(root: Path) -> None:
    """Writes the marker; its name alone counts, so that a full disk or another process does no harm."""
    try:
        handle = os.open(root / MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return
    except OSError as error:
        if is_full(error):  # the store of an earlier version; it is recognised again the next time
            return
        raise
    try:
        with contextlib.suppress(OSError):
            os.write(handle, _TEXT)
    finally:
        os.close(handle)
    sync(root)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    with contextlib.suppress(PermissionError):  # a parent folder that this user may not read
        sync(folder.parent)
