"""Options that the commands on the store share."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from graft_device.store.installation import Change
    from graft_device.store.slots import Slot, Store


def _named(text: str) -> Path:
    """A folder; a script whose variable is empty must not make one where it happens to stand."""
    if not text:
        raise typer.BadParameter("an empty name; name a folder, or leave the option out")
    return Path(text)


StoreOption = Annotated[
    Optional[Path],
    typer.Option(
        "--store",
        metavar="DIR",
        parser=_named,
        help="The models' folder.  [default: $GRAFT_STORE; for root /var/lib/graftkit, else ~/.local/share/graftkit]",
        show_default=False,
    ),
]
SignersOption = Annotated[
    Optional[Path],
    typer.Option(
        "--allowed-signers",
        metavar="FILE",
        help="Who may sign, as ssh-keygen has it.  [default: allowed_signers in the store or in /etc/graftkit]",
        show_default=False,
    ),
]
WaitOption = Annotated[float, typer.Option(min=0, help="Seconds to wait for another install or rollback.")]


def open_store(chosen: Optional[Path]) -> "Store":
    """The store that was named, or the default one."""
    from graft_device.store.slots import Store, default_root

    return Store(Path.absolute(chosen or default_root()))


def in_words(slot: "Slot") -> str:
    """A slot in a line."""
    return f"{slot.name} ({slot.id}, {slot.bytes / 1e6:.1f} MB)"


def change_lines(change: "Change") -> "list[str]":
    """What an install or a rollback did, for people."""
    lines = [f"current    {in_words(change.current)}"]
    if change.previous is not None:
        lines.append(f"previous   {in_words(change.previous)}")
    test = change.selftest
    if test is not None:
        lines.append(f"self-test  {test_in_words(test)}")
    if change.current.signer:
        lines.append(f"signed     by {change.current.signer}, {change.current.signed or 'it does not tell when'}")
    if change.pruned:
        lines.append(f"removed    {', '.join(change.pruned)}")
    return lines


def test_in_words(test: "object") -> str:
    """A self-test that was passed, in a line."""
    kind, count = getattr(test, "kind", ""), len(getattr(test, "photos", ()))
    took = f"{getattr(test, 'ms', 0):.1f} ms an inference under {getattr(test, 'runtime', '')}"
    if kind == "plain":
        return f"passed, but only for sense: the file does not tell what is right; {took}"
    what = f"{count} golden {'photo' if count == 1 else 'photos'}" if kind == "golden" else f"{count} rendered pictures"
    return f"passed: {what}, scores at most {getattr(test, 'difference', 0):.4f} apart; {took}"
