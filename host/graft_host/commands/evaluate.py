"""``graft evaluate``."""

from __future__ import annotations

import json
import sys
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
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model's accuracy on photos whose class is known."""
    from graft_device.model import read_model
    from graft_host.backbones.registry import title_of_card
    from graft_host.commands.terminal.console import TerminalReporter, evaluation_text
    from graft_host.commands.terminal.style import style_for
    from graft_host.evaluation.evaluate import evaluate_folder
    from graft_host.photos.given.places import PhotoPlaces

    places = PhotoPlaces(root=photos, also=tuple(also or ()), labels=tuple(labels or ()))
    result = evaluate_folder(model, places, part.value, threads, TerminalReporter())
    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    card = read_model(model).card
    typer.echo(f"{title_of_card(card.backbone.get('name'))} {card.tap} at {card.image_size}\n")
    typer.echo(evaluation_text(result, style_for(sys.stdout)))
