"""The two changes that a board's store knows: another model is installed, or an earlier one comes back."""

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
from graft_device.store.authenticity import check_age, check_signature, newest
from graft_device.store.exit_codes import ChecksumError, SignatureError, writing
from graft_device.store.incoming import Source, check_source, take, take_signature
from graft_device.store.selftest import SelfTest, demand, run_selftest
from graft_device.store.signatures import demanded_by, signed_at
from graft_device.store.slots import MODEL_NAME, SIGNATURE_NAME, SLOT_NAME, Slot, Store, slot_id_of, utc
from graft_device.store.switching import locked, place, prune, switch, workbench
from graft_device.system.durable import digest, write_durably


@dataclass(frozen=True)
class Request:
    """What ``install`` was told.

    Attributes:
        source: the model.
        store: where to.
        sha256: of the whole file, if it is known.
        keep: slots to keep, in all.
        signature: instead of what lies beside the model.
        signers: instead of the store's or the system's list of allowed signers.
        allow_downgrade: take a signed model that is older than one before it.
        runtime: for the self-test.
        wait: seconds to wait for another install.
    """

    source: Source
    store: Store
    sha256: str | None = None
    keep: int = 3
    signature: Source | None = None
    signers: Path | None = None
    allow_downgrade: bool = False
    runtime: str = "auto"
    wait: float = 0


@dataclass(frozen=True)
class Change:
    """What became of the store; ``selftest`` is None where nothing had to be tested."""

    store: Store
    changed: bool
    current: Slot
    previous: Slot | None
    pruned: tuple[str, ...] = ()
    selftest: SelfTest | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "store": str(self.store.root),
            "changed": self.changed,
            "current": self.current.to_json(),
            "previous": self.previous and self.previous.to_json(),
            "pruned": list(self.pruned),
            "selftest": self.selftest and self.selftest.to_json(),
        }


def install(request: Request) -> Change:
    """Installs a model and makes it the current one; it is tested before, and nothing changes if that fails.

    Raises:
        GraftError: with the exit status that ``ExitCode`` tells of.
    """
    store = request.store
    check_source(request.source)
    signers = demanded_by(store, request.signers)
    with locked(store, request.wait):
        change = _installed(request, signers)
        pruned: list[str] = []
        with contextlib.suppress(OSError, GraftError):  # the model is in place; what is too much goes the next time
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
        with _named(model, source.text):
            signer = _verified(request, folder, signers)
            read_model(model)
            signed = signed_at(model)
            if _is_current(store, sha256):
                change = _unchanged(store, folder, signer)
            else:
                if signers is not None and not request.allow_downgrade:
                    check_age(source, signed, newest(store))
                tested = run_selftest(model, request.runtime)
                demand(tested, source.text)
                slot = Slot(
                    slot_id_of(sha256), source.name, sha256, model.stat().st_size, model,
                    utc(time.time()), signed, signer, tested.ms,
                )  # fmt: skip
                change = _put_in_place(request, folder, slot, replace(tested, model=source.text))
    _consume(source, store)
    return change


def roll_back(store: Store, beginning: str | None, signers: Path | None, runtime: str, wait: float) -> Change:
    """Makes an earlier model the current one again: the previous one, or the one whose id begins so.

    Raises:
        GraftError: there is none, or it is not fit to run any more; with the exit status that ``ExitCode`` tells of.
    """
    if not store.slots():
        raise GraftError(f"no model is installed in {store.root}: graft-device install FILE")
    demanded = demanded_by(store, signers)
    with locked(store, wait):
        wanted = store.previous_id() if beginning is None else store.find(beginning)
        current = store.current_id()
        if wanted is None:
            raise GraftError(f"{store.root} knows of no earlier model: see graft-device models, or install one")
        if wanted == current:
            return _unchanged(store)
        slot = store.slot(wanted)
        if digest(slot.path) != slot.sha256:
            raise ChecksumError(f"{slot.path} is damaged: install {slot.name} again")
        if demanded is not None:
            check_signature(slot.path, slot.signature, demanded, f"{slot.name} ({slot.id})")
        tested = run_selftest(slot.path, runtime)
        demand(tested, f"{slot.name} ({slot.id})")
        with writing(store.root):
            switch(store, wanted, current)
        return replace(_unchanged(store), changed=True, selftest=tested)


def _put_in_place(request: Request, folder: Path, slot: Slot, tested: SelfTest) -> Change:
    store = request.store
    current = store.current_id()
    previous = store.previous_id() if current == slot.id else current  # a damaged current one was mended
    with writing(store.root):
        with _released(Path(request.source.text), slot.path):
            place(store, folder, slot)
        _mark_age(store, slot)
        switch(store, slot.id, previous)
    return replace(_unchanged(store), changed=True, selftest=tested)


def _mark_age(store: Store, slot: Slot) -> None:
    """Remembers the time inside the newest model whose signature was verified."""
    if slot.signer is not None and slot.signed is not None and slot.signed > (newest(store) or ""):
        write_durably(store.newest, f"{slot.signed}\n".encode())


def _keeps(slot: Slot, signer: str, signature: Path) -> bool:
    """Whether a slot has this signature already."""
    try:
        return slot.signer == signer and slot.signature.read_bytes() == signature.read_bytes()
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _released(source: Path, model: Path) -> Iterator[None]:
    """Undoes the link between an incoming file and the slot to be: what is written there next must not reach the slot.

    It comes back if the slot is not made after all.
    """
    linked = model.stat().st_nlink > 1
    if linked:
        source.unlink()
    try:
        yield
    except BaseException:
        if linked:
            with contextlib.suppress(OSError):
                os.link(model, source)
        raise


def _unchanged(store: Store, folder: Path | None = None, signer: str | None = None) -> Change:
    """The store as it is; a signature that came in ``folder`` and holds is kept if the current slot has no such."""
    current, previous = store.current_id(), store.previous_id()
    if current is None:
        raise GraftError(f"the store {store.root} was changed from outside: install again")
    slot = store.slot(current)
    if folder is not None and signer is not None and not _keeps(slot, signer, folder / SIGNATURE_NAME):
        with writing(store.root):
            write_durably(slot.signature, (folder / SIGNATURE_NAME).read_bytes())
            slot = replace(slot, signer=signer, signed=signed_at(slot.path))
            write_durably(slot.path.with_name(SLOT_NAME), slot.text().encode())
            _mark_age(store, slot)
    return Change(store, False, slot, None if previous is None else store.slot(previous))


def _is_current(store: Store, sha256: str) -> bool:
    """Whether the current model is this one, to the last bit."""
    current = store.current_id()
    if current is None or current != slot_id_of(sha256):
        return False
    try:
        return digest(store.slot(current).path) == sha256
    except OSError as error:
        raise GraftError(f"cannot read {store.folder(current)}: {os_reason(error)}") from error


def _still_signed(store: Store, signers: Path | None) -> bool:
    """Whether the current model may stay without that its signature is fetched again."""
    current = store.current_id()
    if signers is None or current is None:
        return signers is None
    slot = store.slot(current)
    try:
        check_signature(slot.path, slot.signature, signers, slot.name)
    except SignatureError:
        return False
    return True


def _check_sum(source: Source, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise ChecksumError(
            f"{source.text} is not the file that was meant: its SHA-256 is {found}, not {wanted}; copy it again"
        )


def _verified(request: Request, folder: Path, signers: Path | None) -> str | None:
    """Who signed the model, if that had to be checked; its signature is kept in any case, where there is one."""
    signature = folder / SIGNATURE_NAME
    if signers is not None or request.signature is not None or not request.source.is_url:
        take_signature(request.signature, request.source, signature)
    if signers is None:
        return None
    return check_signature(folder / MODEL_NAME, signature, signers, request.source.text)


@contextlib.contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Errors that tell of the file under the name that the user knows."""
    try:
        yield
    except GraftError as error:
        raise error.renamed(path, name) from error


def _consume(source: Source, store: Store) -> None:
    """Takes a file out of ``incoming`` that is a slot by now, and its signature."""
    if source.is_url or Path(source.text).parent.resolve() != store.incoming.resolve():
        return
    with contextlib.suppress(OSError):
        Path(source.text).unlink()
        Path(source.beside(".sig").text).unlink()
