"""``graft report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import JsonOption, ModelArgument, Part, PhotosArgument, ThreadsOption


def report(
    model: ModelArgument,
    photos: PhotosArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The page to write.  [default: MODEL, ending in .html]")
    ] = None,
    part: Annotated[
        Part, typer.Option("--split", help="test: the photos that training kept aside; all: every photo.")
    ] = Part.TEST,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier page.")] = False,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show in one page of HTML how good a model is on photos whose class is known."""
    from graft_device.model import read_model
    from graft_device.text import printable
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.evaluation.evaluate import evaluate_folder
    from graft_host.report.report import ReportData, check_report_path, render_report, write_report
    from graft_host.support.destination import RunInput

    described = read_model(model)
    page = output or model.with_suffix(".html")
    check_report_path(page, model, [RunInput("photos", photos)], overwrite=overwrite)
    evaluation = evaluate_folder(model, photos, part.value, threads, TerminalReporter())
    data = ReportData(evaluation=evaluation, model=described, photos=photos, part=part.value)
    write_report(page, render_report(data), overwrite=overwrite)
    typer.echo(
        json.dumps({"report": str(page), **evaluation.to_json()}) if as_json else f"report     {printable(page)}"
    )
