"""``graft-device doctor``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device.commands.options import JsonOption, in_store
from graft_device.text import printable


def doctor(
    model: Annotated[
        Optional[Path],
        typer.Argument(
            metavar="[MODEL]",
            help="A .tflite that each runtime shall open, too, or a store for its current one.",
            readable=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether models run on this board; for each problem, the line that mends it.

    Ends with exit status 1 if no model can run.
    """
    from graft_device.doctor.doctor import examine
    from graft_device.model import read_model

    if model is not None:
        model = in_store(model)
        read_model(model)  # a file that is no model is an error of its own, not the board's
    report = examine(models=() if model is None else (model.absolute(),))
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        for each in report.checks:
            typer.echo(f"{each.state:<8} {each.name:<15} {printable(each.text)}")
            if each.mend:
                typer.echo(f"{'':<24} mend it with:  {printable(each.mend)}")
        runs = f"models run here, under {' and '.join(report.usable)}"
        typer.echo(runs if report.usable else "no model can run here: see the lines that begin with 'problem'")
    if not report.usable:
        raise typer.Exit(1)
