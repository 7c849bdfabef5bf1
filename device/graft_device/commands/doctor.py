"""``graft-device doctor``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device.commands.options import JsonOption, in_store, note_checksum
from graft_device.text import printable


def doctor(
    model: Annotated[
        Optional[Path],
        typer.Argument(
            metavar="[MODEL]",
            help="A .tflite file, or a store for its current model; tests whether each runtime opens it.",
            readable=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check whether models run on this board.

    For each problem, it prints the command that fixes it. The exit status is 1 if no model can run.
    """
    from graft_device.doctor.doctor import examine
    from graft_device.model import read_checked

    if model is not None:
        model = in_store(model)
        note_checksum(read_checked(model))  # a file that is not a model is an error, not a problem of the board
    report = examine(models=() if model is None else (model.absolute(),))
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        for check in report.checks:
            typer.echo(f"{check.state:<8} {check.name:<15} {printable(check.text)}")
            if check.remedy:
                typer.echo(f"{'':<24} fix it with:  {printable(check.remedy)}")
        runs = f"models run here, with {' and '.join(report.usable)}"
        typer.echo(runs if report.usable else "no model can run here: see the lines that begin with 'problem'")
    if not report.usable:
        raise typer.Exit(1)
