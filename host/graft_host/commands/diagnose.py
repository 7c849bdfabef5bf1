"""``graft diagnose``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import (
    JsonOption,
    ModelArgument,
    PhotosArgument,
    SplitChoice,
    ThreadsOption,
)


class Order(str, Enum):
    """The values of ``--sort``."""

    SQNR = "sqnr"
    LOST = "lost"
    ORDER = "order"


def diagnose(
    model: ModelArgument,
    photos: PhotosArgument,
    sort: Annotated[
        Order,
        typer.Option(
            help="sqnr: the noisiest layer first; lost: the one that adds most noise first; order: as computed."
        ),
    ] = Order.SQNR,
    top: Annotated[int, typer.Option(min=0, help="Layers in the table; 0 for all. --json always has all.")] = 15,
    part: Annotated[
        SplitChoice, typer.Option("--split", help="test: the photos that training did not use; all: every photo.")
    ] = SplitChoice.TEST,
    limit: Annotated[int, typer.Option(min=1, help="Largest number of photos to use.")] = 32,
    weights: Annotated[
        str | None,
        typer.Option(
            help="The weights that the model was trained with, if their name in the model card is not enough."
        ),
    ] = None,
    threads: ThreadsOption = None,
    cache: Annotated[Path | None, typer.Option(hidden=True)] = None,  # noqa: ARG001  scripts of before give it
    as_json: JsonOption = False,
) -> None:
    """Show how much each layer of an int8 model loses.

    The loss against float32 is a signal-to-noise ratio in dB. Layers that were fine-tuned are compared with float32
    layers that have the model's int8 kernels.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.diagnosis_text import diagnosis_text
    from graft_host.diagnosis.diagnose import DiagnosisOptions
    from graft_host.diagnosis.diagnose import diagnose as run

    options = DiagnosisOptions(part=part.value, limit=limit, weights=weights, threads=threads)
    diagnosis = run(model, photos, options, TerminalReporter())
    typer.echo(json.dumps(diagnosis.to_json(sort.value)) if as_json else diagnosis_text(diagnosis, sort.value, top))
