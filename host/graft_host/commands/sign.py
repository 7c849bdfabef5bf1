"""``graft sign``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graft_device import console
from graft_device.text import printable
from graft_host.commands.options import JsonOption, ModelArgument


def sign(
    model: ModelArgument,
    key: Annotated[
        Path, typer.Option(help="SSH private key, or the public key if the SSH agent holds the private one.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write the signed model.  [default: MODEL]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a model for boards that accept signed models only.

    The time of signing is written into the file, which changes its checksum. The signature is written to MODEL.sig.
    """
    from graft_host.tflite.signing import sign as run

    signed = run(model, key, output, overwrite=overwrite)
    for doubt in signed.doubts:
        console.say(f"warning: {printable(doubt)}")
    if as_json:
        typer.echo(json.dumps(signed.to_json()))
        return
    typer.echo(f"model      {printable(signed.model)} ({signed.bytes / 1e6:.1f} MB), signed {signed.time}")
    typer.echo(f"signature  {printable(signed.signature)}")
    typer.echo(f"sha256     {signed.sha256}")
