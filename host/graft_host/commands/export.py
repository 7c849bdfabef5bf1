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
    ONNX = "onnx"


def export(
    model: ModelArgument,
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="keras: one .keras file; saved-model: a folder for TensorFlow. onnx is not offered (its converter "
            "has no maintainer): an error that says what can be tried instead, exit status 1.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .keras file or the folder to write.")],
    weights: Annotated[
        str | None,
        typer.Option(help="The weights that the model was trained with, where its card's name doesn't find them."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model's float network, to go on with it elsewhere.

    It takes RGB pixels from 0 to 255 as float32 (normalization is inside) and gives probabilities in the order of
    labels.txt, which travels along with the model card. What the .tflite calls unknown is not part of it.
    """
    from graft_device.text import printable
    from graft_host.export.export import export as run

    done = run(model, output, kind.value, weights, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(done.to_json()))
        return
    typer.echo(f"export     {printable(done.path)} ({done.format}, {done.bytes / 1e6:.1f} MB)")
    typer.echo(f"input      image: float32, {done.image_size} x {done.image_size} RGB pixels, 0 to 255")
    typer.echo(f"output     probabilities: {', '.join(map(printable, done.labels))}")
