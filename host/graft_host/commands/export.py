"""``graft export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graft_host.commands.options import JsonOption, ModelArgument
from graft_host.export.registry import FORMATS

if TYPE_CHECKING:
    _Format = str
else:
    _Format = Literal[tuple(FORMATS)]


def export(
    model: ModelArgument,
    kind: Annotated[
        _Format,
        typer.Option(
            "--format",
            help="; ".join(f"{known.name}: {known.help}" for known in FORMATS.values()) + ".",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file or the folder to write.")],
    weights: Annotated[
        str | None,
        typer.Option(
            help="For keras and saved-model: the weights that the model was trained with, if their name in the model "
            "card is not enough."
        ),
    ] = None,
    float_network: Annotated[
        bool,
        typer.Option(
            "--float", help="For onnx: write an int8 model in float32, for tools that quantize it themselves."
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Export a model to ONNX, Keras, TensorFlow or Frigate.

    The input of an exported network is RGB pixels from 0 to 255; the scaling is part of it. Its output is probabilities
    in the order of the labels, which are exported too, with the model card.

    onnx has the numbers of the model, in int8 or float32, and lowers the scores of unknown photos as the model does. It
    needs the package onnx: pip install 'graftkit[onnx]'.

    keras and saved-model have the float weights that the model was trained with, and do not recognize unknown photos.
    Layers that were fine-tuned have the numbers of the model, rounded to int8. Both formats need TensorFlow: pip
    install 'graftkit[tensorflow]'.

    frigate takes int8 models of 224 pixels as they are, and prints the lines for Frigate's config.yml.
    """
    from graft_device.text import printable
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.export.export import export as run

    exported = run(
        model, output, kind, weights, float_network=float_network, overwrite=overwrite, reporter=TerminalReporter()
    )
    if as_json:
        typer.echo(json.dumps(exported.to_json()))
        return
    typer.echo(f"export     {printable(exported.path)} ({exported.format}, {exported.bytes / 1e6:.1f} MB)")
    typer.echo(f"input      image: {exported.image.text}")
    typer.echo(f"output     probabilities: {', '.join(map(printable, exported.labels))}")
    if exported.next_steps:
        typer.echo(f"\n{exported.next_steps}")
