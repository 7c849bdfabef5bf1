"""``graft export``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import JsonOption, ModelArgument


class Format(str, Enum):
    """The values of ``--format``."""

    KERAS = "keras"
    SAVED_MODEL = "saved-model"


def export(
    model: ModelArgument,
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="keras: one .keras file; saved-model: a folder for TensorFlow.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .keras file or the folder to write.")],
    weights: Annotated[
        str | None,
        typer.Option(
            help="The weights that the model was trained with, if their name in the model card is not enough."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Export a model's float network to TensorFlow or Keras.

    Its input is RGB pixels from 0 to 255 as float32; the scaling is part of the network. Its output is probabilities
    in the order of labels.txt, which is exported too, with the model card. It has no class for unknown photos.
    This command needs TensorFlow: pip install 'graftkit[tensorflow]'.
    """
    from graft_device.text import printable
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.export.export import export as run

    exported = run(model, output, kind.value, weights, overwrite=overwrite, reporter=TerminalReporter())
    if as_json:
        typer.echo(json.dumps(exported.to_json()))
        return
    typer.echo(f"export     {printable(exported.path)} ({exported.format}, {exported.bytes / 1e6:.1f} MB)")
    typer.echo(f"input      image: float32, {exported.image_size} x {exported.image_size} RGB pixels, 0 to 255")
    typer.echo(f"output     probabilities: {', '.join(map(printable, exported.labels))}")
