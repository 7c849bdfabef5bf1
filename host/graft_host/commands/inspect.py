"""``graft inspect``."""

from __future__ import annotations

import json

import typer

from graft_host.commands.options import JsonOption, ModelArgument


def inspect(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's labels, card, tensors and operators."""
    from graft_host.commands.terminal.inspection_text import inspection_text
    from graft_host.tflite.inspection import inspect_model

    inspection = inspect_model(model)
    typer.echo(json.dumps(inspection) if as_json else inspection_text(inspection))
