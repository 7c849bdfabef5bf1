"""The options and the output that the commands on a store share."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device import console

if TYPE_CHECKING:
    from graft_device.store.installation import Change
    from graft_device.store.selftest import SelfTest
    from graft_device.store.slots import Slot, Store


def _named(text: str) -> Path:
    """Parses a folder; an empty variable in a script must not create a store in the current folder."""
    if not text:
        raise typer.BadParameter("the name is empty; give a folder, or leave the option out")
    return Path(text)


StoreOption = Annotated[
    Optional[Path],
    typer.Option(
        "--store",
        metavar="DIR",
        parser=_named,
        help="Folder of the models.  [default: $GRAFT_STORE, or /var/lib/graftkit for root and "
        "~/.local/share/graftkit for others]",
        show_default=False,
    ),
]
SignersOption = Annotated[
    Optional[Path],
    typer.Option(
        "--allowed-signers",
        metavar="FILE",
        help="Keys that may sign models, in ssh-keygen's format.  [default: allowed_signers in the store or in "
        "/etc/graftkit]",
        show_default=False,
    ),
]
WaitOption = Annotated[float, typer.Option(min=0, help="Seconds to wait for another install or rollback to end.")]


def open_store(chosen: Optional[Path]) -> "Store":
    """Opens the given store, or the default one."""
    from graft_device.store.slots import Store, default_root

    return Store(Path.absolute(chosen or default_root()))


def describe_slot(slot: "Slot") -> str:
    """A slot's name, id and size as one line."""
    return f"{slot.name} ({slot.id}, {slot.bytes / 1e6:.1f} MB)"


def change_lines(change: "Change") -> "list[str]":
    """The result of an install or a rollback as lines for people."""
    lines = [f"current    {describe_slot(change.current)}"]
    if change.previous is not None:
        lines.append(f"previous   {describe_slot(change.previous)}")
    test = change.selftest
    if test is not None:
        lines.append(f"self-test  {describe_selftest(test)}")
    if change.current.signer:
        lines.append(f"signed     by {change.current.signer}, {change.current.signed or 'at an unknown time'}")
    if change.pruned:
        lines.append(f"removed    {', '.join(change.pruned)}")
    return lines


def note_user(test: "SelfTest") -> None:
    """Prints a warning if a model was tried as root, in a container that does not allow another user."""
    if test.uid == 0:
        console.mention("warning: the model was tried as root, since the system allows no other user here")


def describe_selftest(test: "SelfTest") -> str:
    """A self-test that passed, as one line."""
    count = len(test.photos)
    time = f"{test.ms or 0:.1f} ms per inference with {test.runtime}"
    if test.kind == "plain":
        return f"passed, but only checked for plausible answers, since the file contains no expected ones; {time}"
    golden = "golden photo" if count == 1 else "golden photos"
    photos = f"{count} {golden if test.kind == 'golden' else 'rendered images'}"
    return f"passed: {photos}, scores differ by at most {test.difference or 0:.4f}; {time}"
