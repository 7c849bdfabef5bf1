"""``graft-device info``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json

import typer

from graft_device.commands.options import JsonOption, ModelArgument
from graft_device.text import printable


def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's labels, network and training figures."""
    from graft_device.model import read_model

    model_file = read_model(model)
    if as_json:
        typer.echo(json.dumps(model_file.to_json()))
        return
    card = model_file.card
    rows = {
        "model": str(model_file.path),
        "size": f"{model_file.bytes / 1e6:.1f} MB",
        "labels": ", ".join(map(printable, model_file.labels)),
        "network": f"{card.backbone.get('name')} up to {card.tap}, weights {card.backbone.get('weights')}",
        "input": f"{card.image_size} x {card.image_size} RGB, resized by {card.resize}",
        "numbers": card.quantization,
        "accuracy": "not measured" if card.accuracy is None else f"{card.accuracy:.1%} on its test photos",
        "unknown": f"below a score of {card.unknown_below:.1%}" if card.unknown_below else "never",
        "written by": f"graftkit {card.kit_version}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<11} {printable(value)}")
