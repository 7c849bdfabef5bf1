"""``graft evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import (
    AlsoOption,
    JsonOption,
    LabelsOption,
    ModelArgument,
    PhotosArgument,
    SplitChoice,
    ThreadsOption,
)


def evaluate(
    model: ModelArgument,
    photos: PhotosArgument,
    part: Annotated[
        SplitChoice, typer.Option("--split", help="test: the photos that training did not use; all: every photo.")
    ] = SplitChoice.TEST,
    also: AlsoOption = None,
    labels: LabelsOption = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="An older .tflite to compare with, on photos that neither was trained on; exit status 3 if MODEL is "
            "worse."
        ),
    ] = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model's accuracy on photos whose class is known."""
    from graft_device.errors import GateError
    from graft_device.model import read_model
    from graft_device.text import printable
    from graft_host.backbones.registry import title_of_card
    from graft_host.commands.terminal.against_text import against_text
    from graft_host.commands.terminal.console import TerminalReporter, evaluation_text
    from graft_host.commands.terminal.style import style_for
    from graft_host.evaluation.comparing import evaluate_against
    from graft_host.evaluation.evaluate import evaluate_folder
    from graft_host.photos.given.places import PhotoPlaces

    places = PhotoPlaces(root=photos, also=tuple(also or ()), labels=tuple(labels or ()))
    if against is None:
        result = evaluate_folder(model, places, part.value, threads, TerminalReporter())
    else:
        result = evaluate_against(model, against, places, part.value, threads, TerminalReporter())
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        card, style = read_model(model).card, style_for(sys.stdout)
        typer.echo(f"{title_of_card(card.backbone.get('name'))} {card.tap} at {card.image_size}\n")
        typer.echo(evaluation_text(result, style))
        if result.comparison is not None:
            typer.echo(f"\n{against_text(result.comparison, style)}")
    if result.comparison is not None and (reason := result.comparison.why_worse):
        raise GateError(f"{printable(model)} is {reason}", evaluation=result)
