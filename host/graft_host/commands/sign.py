"""``graft sign``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graft_device.text import printable
from graft_host.commands.options import JsonOption, ModelArgument


def sign(
    model: ModelArgument,
    key: Annotated[Path, typer.Option(help="SSH private key, or the public one where the SSH agent has the private.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the signed model goes; MODEL itself if not given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a model, so that boards with a list of allowed signers take it.

    The time goes into the file, which gets another checksum by that, and the signature into MODEL.sig beside it.
    """
    from graft_host.tflite.signing import sign as run

    found = run(model, key, output, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    typer.echo(f"model      {printable(found.model)} ({found.bytes / 1e6:.1f} MB), signed {found.time}")
    typer.echo(f"signature  {printable(found.signature)}")
    typer.echo(f"sha256     {found.sha256}")
