"""``graft report``."""

from __future__ import annotations

import json
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


def report(
    model: ModelArgument,
    photos: PhotosArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The page to write.  [default: MODEL with the ending .html]")
    ] = None,
    part: Annotated[
        SplitChoice, typer.Option("--split", help="test: the photos that training did not use; all: every photo.")
    ] = SplitChoice.TEST,
    also: AlsoOption = None,
    labels: LabelsOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier page.")] = False,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an HTML page about a model's accuracy on photos.

    The class of each photo must be known.
    """
    from graft_device.model import read_model
    from graft_device.text import printable
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.evaluation.evaluate import evaluate_folder
    from graft_host.evaluation.speed import measure_speed
    from graft_host.photos.given.places import PhotoPlaces
    from graft_host.report.data import today
    from graft_host.report.report import ReportData, check_report_path, render_report, write_report
    from graft_host.support.destination import RunInput

    places = PhotoPlaces(root=photos, also=tuple(also or ()), labels=tuple(labels or ()))
    model_file = read_model(model)
    page = output or model.with_suffix(".html")
    check_report_path(page, model, [RunInput("photos", folder) for folder in places.roots], overwrite=overwrite)
    evaluation = evaluate_folder(model, places, part.value, threads, TerminalReporter())
    data = ReportData(
        evaluation=evaluation,
        model=model_file,
        photos=photos,
        part=part.value,
        speed=measure_speed(model, threads),
        made=today(),
    )
    write_report(page, render_report(data), overwrite=overwrite)
    typer.echo(
        json.dumps({"report": str(page), **evaluation.to_json()}) if as_json else f"report     {printable(page)}"
    )
