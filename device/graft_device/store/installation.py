"""Installs a model in a board's store, or rolls back to an earlier one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, os_reason
from graft_device.model import read_model
from graft_device.store.authenticity import check_age, check_signature, is_ahead, newest
from graft_device.store.exit_codes import ChecksumError, SignatureError, writing
from graft_device.store.incoming import ModelSource, check_source, take, take_signature
from graft_device.store.selftest import SelfTest, demand, run_selftest
from graft_device.store.signatures import demanded_by, signed_at
from graft_device.store.slots import MODEL_NAME, SIGNATURE_NAME, SLOT_NAME, Slot, Store, slot_id_of, utc
from graft_device.store.switching import locked, place, prune, switch, workbench
from graft_device.system.durable import digest, write_durably
from graft_device.system.plain import read_plain


@dataclass(frozen=True)
class Request:
    """A request to install a model.

    Attributes:
        source: the model.
        store: the store to install it in.
        sha256: the SHA-256 that the whole file must have; not checked when None.
        keep: how many slots to keep in all.
        signature: the signature; the file beside the model when None.
        signers: the list of allowed signers; the store's or the system's when None.
        allow_downgrade: whether to accept a signed model that is older than one installed before.
        runtime: the runtime of the self-test.
        wait: seconds to wait for another install.
    """

    source: ModelSource
    store: Store
    sha256: str | None = None
    keep: int = 3
    signature: ModelSource | None = None
    signers: Path | None = None
    allow_downgrade: bool = False
    runtime: str = "auto"
    wait: float = 0


@dataclass(frozen=True)
class Change:
    """The result of an install or a rollback.

    Attributes:
        store: the store.
        changed: whether the current model was changed.
        current: the slot of the current model.
        previous: the slot of the model before; None where there was none.
        pruned: the ids of the slots that were removed.
        selftest: the result of the self-test; None where nothing had to be tested.
    """

    store: Store
    changed: bool
    current: Slot
    previous: Slot | None
    pruned: tuple[str, ...] = ()
    selftest: SelfTest | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as plain values, as ``--json`` prints it."""
        return {
            "store": str(self.store.root),
            "changed": self.changed,
            "current": self.current.to_json(),
            "previous": self.previous and self.previous.to_json(),
            "pruned": list(self.pruned),
            "selftest": self.selftest and self.selftest.to_json(),
        }


def install(request: Request) -> Change:
    """Tests a model and makes it the current one; nothing changes if the test fails.

    Raises:
        GraftError: the model was not installed; ``ExitCode`` lists the exit statuses.
    """
    store = request.store
    check_source(request.source)
    signers = demanded_by(store, request.signers)
    with locked(store, request.wait):
        change = _installed(request, signers)
        pruned: list[str] = []
        with contextlib.suppress(OSError, GraftError):  # the model is in place, and the next install prunes again
            pruned = prune(store, request.keep)
        return replace(change, pruned=tuple(pruned))


def _installed(request: Request, signers: Path | None) -> Change:
    source, store = request.source, request.store
    if request.sha256 is not None and _is_current(store, request.sha256) and _still_signed(store, signers):
        _consume(source, store)
        return _unchanged(store)
    with workbench(store) as folder:
        model = folder / MODEL_NAME
        sha256 = take(source, model, store)
        _check_sum(source, sha256, request.sha256)
        with _named(model, source.shown):
            signer = _verified(request, folder, signers)
            read_model(model)
            signed = signed_at(model)
            if _is_current(store, sha256):
                change = _unchanged(store, folder, signer)
                if request.allow_downgrade:
                    with writing(store.root):
                        _mark_age(store, change.current, reset=True)
            else:
                if signers is not None and not request.allow_downgrade:
                    check_age(source, signed, store)
                tested = run_selftest(model, request.runtime, store.root)
                demand(tested, source.shown)
                slot = Slot(
                    slot_id_of(sha256), source.name, sha256, model.stat().st_size, model,
                    utc(time.time()), signed, signer, tested.ms,
                )  # fmt: skip
                change = _put_in_place(request, folder, slot, replace(tested, model=source.shown))
    _consume(source, store)
    return change


def roll_back(store: Store, beginning: str | None, signers: Path | None, runtime: str, wait: float) -> Change:
    """Makes an earlier model the current one again: the previous one, or the one whose id starts with ``beginning``.

    Raises:
        GraftError: there is no such model, or it fails its tests; ``ExitCode`` lists the exit statuses.
    """
    if not store.slots():
        raise GraftError(f"no model is installed in {store.root}", "install one: graft-device install FILE")
    demanded = demanded_by(store, signers)
    with locked(store, wait):
        wanted = store.previous_id() if beginning is None else store.find(beginning)
        current = store.current_id()
        if wanted is None:
            raise GraftError(f"there is no earlier model in {store.root}", "see: graft-device models; or install one")
        if wanted == current:
            return _unchanged(store)
        slot = store.slot(wanted)
        if digest(slot.path) != slot.sha256:
            raise ChecksumError(f"{slot.path} is damaged", f"install {slot.name} again")
        if demanded is not None:
            check_signature(slot.path, slot.signature, demanded, f"{slot.name} ({slot.id})")
        tested = run_selftest(slot.path, runtime, store.root)
        demand(tested, f"{slot.name} ({slot.id})")
        with writing(store.root):
            switch(store, wanted, current)
        return replace(_unchanged(store), changed=True, selftest=tested)


def _put_in_place(request: Request, folder: Path, slot: Slot, tested: SelfTest) -> Change:
    store = request.store
    current = store.current_id()
    previous = store.previous_id() if current == slot.id else current  # a damaged current model was replaced
    with writing(store.root), _released(Path(request.source.text), store, slot):
        place(store, folder, slot)
        _mark_age(store, slot, request.allow_downgrade)
        switch(store, slot.id, previous)
    return replace(_unchanged(store), changed=True, selftest=tested)


def _mark_age(store: Store, slot: Slot, reset: bool = False) -> None:
    """Stores the time of signing of a model whose signature was verified, if it is the newest.

    Args:
        store: the store.
        slot: the model.
        reset: whether to store it even if an earlier model was newer. A time in the future, which a wrong clock wrote
            and which would keep out all later models, is then replaced by the present.
    """
    if slot.signer is None:
        return
    latest = newest(store) if not reset else None
    moment = slot.signed
    if reset and (stored := moment or _newest_or_none(store)) is not None and is_ahead(stored, store):
        moment = utc(time.time())
    if moment is not None and moment > (latest or ""):
        write_durably(store.newest, f"{moment}\n".encode())


def _newest_or_none(store: Store) -> str | None:
    """As ``newest``; None if the file cannot be used."""
    try:
        return newest(store)
    except GraftError:
        return None


def _keeps(slot: Slot, signer: str, signature: Path) -> bool:
    """Whether a slot already has this signature."""
    try:
        return slot.signer == signer and read_plain(slot.signature) == read_plain(signature)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _released(source: Path, store: Store, slot: Slot) -> Iterator[None]:
    """Removes an incoming file that is linked to the new slot, so that later writes to it cannot reach the slot.

    Restores the file if the slot does not become the current one.

    Args:
        source: the file.
        store: the store.
        slot: the new slot, with its model still outside ``slots``.
    """
    linked = slot.path.stat().st_nlink > 1
    try:
        if linked:
            source.unlink()
        yield
    except BaseException:
        if linked:
            with contextlib.suppress(OSError):  # such as one that is still there
                _restore(source, store, slot)
        raise


def _restore(source: Path, store: Store, slot: Slot) -> None:
    """Links a removed incoming file to the new slot again, which may have its place in ``slots`` by now."""
    if slot.path.exists():
        os.link(slot.path, source)
    elif store.current_id() != slot.id:
        os.link(store.folder(slot.id) / MODEL_NAME, source)


def _unchanged(store: Store, folder: Path | None = None, signer: str | None = None) -> Change:
    """The store as it is; first stores the verified signature in ``folder`` if the current slot does not have it."""
    current, previous = store.current_id(), store.previous_id()
    if current is None:
        raise GraftError(f"another program changed the store {store.root}", "install again")
    slot = store.slot(current)
    if folder is not None and signer is not None and not _keeps(slot, signer, folder / SIGNATURE_NAME):
        with writing(store.root):
            write_durably(slot.signature, (folder / SIGNATURE_NAME).read_bytes())
            slot = replace(slot, signer=signer, signed=signed_at(slot.path))
            write_durably(slot.path.with_name(SLOT_NAME), slot.text().encode())
            _mark_age(store, slot)
    return Change(store, False, slot, None if previous is None else store.slot(previous))


def _is_current(store: Store, sha256: str) -> bool:
    """Whether the current model has this SHA-256, by its bytes on the disk."""
    current = store.current_id()
    if current is None or current != slot_id_of(sha256):
        return False
    try:
        return digest(store.slot(current).path) == sha256
    except OSError as error:
        raise GraftError(f"cannot read {store.folder(current)}: {os_reason(error)}") from error


def _still_signed(store: Store, signers: Path | None) -> bool:
    """Whether the current model has a valid signature, so that it need not be downloaded again."""
    current = store.current_id()
    if signers is None or current is None:
        return signers is None
    slot = store.slot(current)
    try:
        check_signature(slot.path, slot.signature, signers, slot.name)
    except SignatureError:
        return False
    return True


def _check_sum(source: ModelSource, actual: str, wanted: str | None) -> None:
    if wanted is not None and actual != wanted:
        raise ChecksumError(
            f"{source.shown} is not the expected file: its SHA-256 is {actual}, not {wanted}", "copy it again"
        )


def _verified(request: Request, folder: Path, signers: Path | None) -> str | None:
    """Returns who signed the model, if that must be checked; stores its signature in any case, if it has one."""
    signature = folder / SIGNATURE_NAME
    if signers is not None or request.signature is not None or not request.source.is_url:
        take_signature(request.signature, request.source, signature)
    if signers is None:
        return None
    return check_signature(folder / MODEL_NAME, signature, signers, request.source.shown)


@contextlib.contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Replaces the file's path in errors by the name that the user gave."""
    try:
        yield
    except GraftError as error:
        raise error.renamed(path, name) from error


def _consume(source: ModelSource, store: Store) -> None:
    """Removes an installed file and its signature from ``incoming``."""
    if source.is_url or Path(source.text).parent.resolve() != store.incoming.resolve():
        return
    for path in (source.text, source.beside(".sig").text):
        with contextlib.suppress(OSError):  # such as a model that was released, or no signature
            Path(path).unlink()
