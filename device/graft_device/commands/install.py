"""``graft-device install``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
import re
from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption, RuntimeChoice, RuntimeOption, note_checksum
from graft_device.commands.store_options import (
    SignersOption,
    StoreOption,
    WaitOption,
    change_lines,
    note_user,
    open_store,
)
from graft_device.text import printable

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def install(
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="A .tflite file that 'graft train' wrote.")],
    sha256: Annotated[
        Optional[str], typer.Option("--sha256", metavar="HEX", help="Checksum that the file must have.")
    ] = None,
    store: StoreOption = None,
    keep: Annotated[
        int, typer.Option(min=1, help="Models to keep; the current and the previous one are always kept.")
    ] = 3,
    signature: Annotated[
        Optional[str],
        typer.Option(metavar="FILE|URL", help="The model's signature.  [default: the model's name with .sig added]"),
    ] = None,
    allowed_signers: SignersOption = None,
    allow_downgrade: Annotated[
        bool,
        typer.Option(
            "--allow-downgrade",
            help="Accept a signed model that is older than one installed before, and compare later ones with it.",
        ),
    ] = False,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    wait: WaitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Test a model on this board, and make it the current one.

    The model becomes STORE/current/model.tflite in one step; if anything fails, nothing changes. Exit status: 3 the
    self-test failed, 4 the signature was refused, 5 the model is older than one installed before, 6 the store can't be
    written, 7 another install is running, 8 the checksum is wrong, 9 the file could not be fetched, 1 any other error.
    """
    from graft_device.model import read_model
    from graft_device.store.incoming import ModelSource
    from graft_device.store.installation import Request
    from graft_device.store.installation import install as run

    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise typer.BadParameter("a SHA-256 has 64 hexadecimal digits", param_hint="--sha256")
    request = Request(
        ModelSource(source),
        open_store(store),
        sha256 and sha256.lower(),
        keep,
        None if signature is None else ModelSource(signature),
        allowed_signers,
        allow_downgrade,
        runtime.value,
        wait,
    )
    change = run(request)
    if change.selftest is not None:
        note_checksum(read_model(change.current.path), Path(source))
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
