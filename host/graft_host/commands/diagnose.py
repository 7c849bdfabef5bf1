"""``graft diagnose``."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from graft_host.commands.options import CacheOption, JsonOption, ModelArgument, Part, PhotosArgument, ThreadsOption


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
            help="sqnr: the noisiest layer first; lost: that which adds most noise; order: as they are computed."
        ),
    ] = Order.SQNR,
    top: Annotated[int, typer.Option(min=0, help="Layers in the table; 0 for all. --json has all.")] = 15,
    part: Annotated[
        Part, typer.Option("--split", help="test: the photos that training kept aside; all: every photo.")
    ] = Part.TEST,
    limit: Annotated[int, typer.Option(min=1, help="Photos to look at, at the most.")] = 32,
    weights: Annotated[
        str | None,
        typer.Option(help="The weights that the model was trained with, where its card's name doesn't find them."),
    ] = None,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each layer of an int8 model loses against float32, in dB of signal to quantization noise."""
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.diagnosis_text import diagnosis_report
    from graft_host.diagnosis.diagnose import DiagnosisOptions
    from graft_host.diagnosis.diagnose import diagnose as run
    from graft_host.support.cache import default_cache

    options = DiagnosisOptions(
        cache=cache or default_cache(), part=part.value, limit=limit, weights=weights, threads=threads
    )
    found = run(model, photos, options, TerminalReporter())
    typer.echo(json.dumps(found.to_json(sort.value)) if as_json else diagnosis_report(found, sort.value, top))
