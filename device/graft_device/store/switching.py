"""Changes the store: one change at a time, in steps that leave the old model or the new one after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from graft_device.store.exit_codes import BusyError, StoreError, is_full, writing
from graft_device.store.ownership import claim, is_own_slot, is_own_workbench, is_real_folder, leftovers
from graft_device.store.slots import MODEL_NAME, SLOT_NAME, Slot, Store
from graft_device.system.durable import exchange, sync, write_durably
from graft_device.system.locks import NoLocksError, try_lock

_POLL_S = 0.2
_PAIR = ("current", "previous")


@contextlib.contextmanager
def locked(store: Store, wait: float = 0) -> Iterator[None]:
    """Locks the store during the block, after finishing or removing what an interrupted process left.

    Args:
        store: the store, which is created if missing.
        wait: seconds to wait for another process.

    Raises:
        BusyError: another process has locked the store.
        StoreError: the folder is not a store, or cannot be written.
    """
    with writing(store.root):
        claim(store)
        lock = open(store.root / "lock", "r+b", buffering=0, opener=_open_lock)  # noqa: SIM115  closed below
    with lock:
        _acquire(store, lock.fileno(), wait)
        with writing(store.root):
            settle(store)
            _clean(store)
        yield


def _open_lock(path: str, flags: int) -> int:
    """Opens the lock for its owner alone: anybody who can read a file can flock(2) it, and so block all updates."""
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if os.fstat(handle).st_mode & 0o077:
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o600)
    return handle


def _acquire(store: Store, handle: int, wait: float) -> None:
    until = time.monotonic() + wait
    try:
        while not try_lock(handle):
            if time.monotonic() >= until:
                what = f"another install or rollback is in progress in {store.root}"
                raise BusyError(what, "wait for it to finish, or use --wait SECONDS")
            time.sleep(_POLL_S)
    except NoLocksError as error:
        what = f"the store cannot be in {store.root}, because its file system has no locks"
        raise StoreError(what, "name another folder with --store") from error


@contextlib.contextmanager
def workbench(store: Store) -> Iterator[Path]:
    """An empty folder on the store's file system to make a slot in; removed after the block, if it is still there."""
    with writing(store.root):
        folder = Path(tempfile.mkdtemp(dir=store.staging))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(store: Store, folder: Path, slot: Slot) -> None:
    """Makes a slot from a folder with the model and perhaps a signature; replaces the files of an existing slot."""
    (folder / SLOT_NAME).write_text(slot.text(), "utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)
        sync(path)
    folder.chmod(0o755)
    sync(folder)
    target = store.folder(slot.id)
    if is_real_folder(target) and (target / MODEL_NAME).is_file():
        for path in sorted(folder.iterdir()):  # the model first; a process that runs the old file keeps it
            os.replace(path, target / path.name)  # noqa: PTH105  the tests stop the process before each
        sync(target)
        return
    if os.path.lexists(target):  # an incomplete slot, which only a damaged file system leaves
        _check_own(target)
        os.rename(target, Path(tempfile.mkdtemp(dir=store.staging)) / "broken")  # noqa: PTH104
    os.rename(folder, target)  # noqa: PTH104
    sync(store.slots_folder)


def switch(store: Store, current: str, previous: str | None) -> None:
    """Makes a slot the current one.

    Both links are made first, so that only two renames remain. The rename of ``current`` decides; after a crash the
    next process finishes the rename of ``previous`` from the journal.
    """
    links = {store.current_link: current, **({store.previous_link: previous} if previous else {})}
    for link in links:
        if os.path.lexists(link) and not link.is_symlink():
            raise StoreError(f"{link} is not a link that graftkit made", "move it away")
    try:
        with workbench(store) as folder:
            for link, slot_id in links.items():
                os.symlink(f"slots/{slot_id}", folder / link.name)  # noqa: PTH211
            write_durably(store.journal, json.dumps({"current": current, "previous": previous}).encode())
            _rename_links(store, folder, links)
    except (OSError, StoreError) as error:
        if not is_full(error):
            raise
        _switch_on_full_disk(store, links)


def _switch_on_full_disk(store: Store, links: Mapping[Path, str]) -> None:
    """Switches with what little a full disk takes: no folder and no journal.

    Going back to the previous model takes nothing: both links are exchanged. Any other switch needs a link.
    """
    targets = {link: f"slots/{slot_id}" for link, slot_id in links.items()}
    now = {link: os.readlink(link) for link in (store.current_link, store.previous_link) if link.is_symlink()}  # noqa: PTH115
    swapped = dict(zip(now, reversed(now.values())))
    if len(now) < len(_PAIR) or swapped != targets or not exchange(store.current_link, store.previous_link):
        for link, target in targets.items():
            temporary = link.with_name(f".{link.name}.{secrets.token_hex(4)}.tmp")
            os.symlink(target, temporary)  # noqa: PTH211
            os.replace(temporary, link)  # noqa: PTH105
    with contextlib.suppress(OSError):
        sync(store.root)


def _rename_links(store: Store, folder: Path, links: Mapping[Path, str]) -> None:
    os.replace(folder / store.current_link.name, store.current_link)  # noqa: PTH105
    # The new model is current now; the next command does what fails here.
    with contextlib.suppress(OSError):
        sync(store.root)
        if store.previous_link in links:
            os.replace(folder / store.previous_link.name, store.previous_link)  # noqa: PTH105
            sync(store.root)
        os.unlink(store.journal)  # noqa: PTH108


def settle(store: Store) -> None:
    """Finishes a switch that was interrupted after its first rename; drops one that was interrupted before it."""
    if not store.journal.exists():
        return
    previous = store.previous_id()
    if previous is not None:
        with workbench(store) as folder:
            os.symlink(f"slots/{previous}", folder / "previous")  # noqa: PTH211
            os.replace(folder / "previous", store.previous_link)  # noqa: PTH105
            sync(store.root)
    store.journal.unlink()


def prune(store: Store, keep: int) -> list[str]:
    """Removes the oldest slots until ``keep`` are left, except the current and the previous one; returns their ids."""
    guarded = {store.current_id(), store.previous_id()}
    slots = store.slots()
    room = keep - len(guarded - {None})
    spare = [slot.id for slot in slots if slot.id not in guarded][max(room, 0) :]
    removed = [slot_id for slot_id in spare if is_own_slot(store.folder(slot_id))]
    for slot_id in removed:
        _remove(store, store.folder(slot_id))
    return removed


def _clean(store: Store) -> None:
    """Removes what crashes left: incomplete slots, slots without a model, temporary files. Touches nothing else."""
    for path in store.staging.iterdir():
        if is_own_workbench(path):
            shutil.rmtree(path)
    for path in store.slots_folder.iterdir():
        if is_own_slot(path) and not (path / MODEL_NAME).exists():
            _remove(store, path)
    for path in list(leftovers(store)):
        path.unlink()


def _remove(store: Store, folder: Path) -> None:
    """Removes a slot by moving it away first, so that there is never an incomplete one."""
    aside = Path(tempfile.mkdtemp(dir=store.staging))
    os.rename(folder, aside / folder.name)  # noqa: PTH104
    shutil.rmtree(aside)


def _check_own(slot: Path) -> None:
    if not is_own_slot(slot):
        raise StoreError(f"{slot} is not a slot that graftkit made", "move it away")
