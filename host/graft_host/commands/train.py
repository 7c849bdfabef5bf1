"""``graft train``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

from graft_host.commands.options import JsonOption, takes
from graft_host.training.options import TrainOptions

if TYPE_CHECKING:
    from graft_host.training.result import TrainResult


@takes(TrainOptions)
def train(options: TrainOptions, as_json: JsonOption = False) -> None:
    """Train on a folder of photos per class, and write one .tflite."""
    from graft_host.commands.terminal.against_text import against_text
    from graft_host.commands.terminal.console import TerminalReporter, train_text
    from graft_host.commands.terminal.style import style_for
    from graft_host.training.delivery import RejectedError, UnreportedError
    from graft_host.training.pipeline import train as run

    def show(result: TrainResult) -> None:
        if as_json:
            typer.echo(json.dumps(result.to_json()))
            return
        style = style_for(sys.stdout)
        if result.comparison is not None:
            typer.echo(f"{against_text(result.comparison, style)}\n")
        typer.echo(train_text(result, style))

    try:
        show(run(options, TerminalReporter()))
    except (RejectedError, UnreportedError) as error:
        show(error.result)
        raise
