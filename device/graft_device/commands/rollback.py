"""``graft-device rollback``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
import re
from typing import Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption, RuntimeChoice, RuntimeOption
from graft_device.commands.store_options import (
    SignersOption,
    StoreOption,
    WaitOption,
    change_lines,
    note_user,
    open_store,
)
from graft_device.text import printable

_ID = re.compile(r"[0-9a-fA-F]{4,64}")


def rollback(
    slot: Annotated[
        Optional[str],
        typer.Argument(metavar="[ID]", help="A model's id or the start of it.  [default: the previous model]"),
    ] = None,
    store: StoreOption = None,
    allowed_signers: SignersOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier model the current one again.

    It must pass its self-test first.

    A second rollback without an ID undoes the first. The exit statuses are those of install.
    """
    from graft_device.store.installation import roll_back

    if slot is not None and not _ID.fullmatch(slot):
        raise typer.BadParameter("an id has at least 4 hexadecimal digits; to list the models: graft-device models")
    change = roll_back(open_store(store), slot, allowed_signers, runtime.value, wait)
    if change.selftest is not None:
        note_user(change.selftest)
    if as_json:
        typer.echo(json.dumps(change.to_json()))
        return
    if not change.changed:
        typer.echo("nothing to do: this is already the current model")
    for line in change_lines(change):
        typer.echo(printable(line))
    if change.changed:
        console.say("note: running programs use the old model until SIGHUP or a restart")
