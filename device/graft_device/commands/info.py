"""``graft-device info``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from typing import Any

import typer

from graft_device.commands.options import JsonOption, ModelArgument
from graft_device.text import printable


def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's labels, network and training figures.

    A file whose network does not match its checksum is refused.
    """
    from graft_device.model import read_checked
    from graft_device.model.memory import read_memory

    model_file = read_checked(model)
    golden = model_file.golden
    memory = read_memory(model)
    if as_json:
        sha256 = None if golden is None else golden.network_sha256
        learned = list(model_file.card.learned)
        more = {"network_sha256": sha256, "memory": memory and memory[0].to_json(), "learned": learned}
        typer.echo(json.dumps({**model_file.to_json(), **more}))
        return
    card = model_file.card
    tuned = "" if card.fine_tuned_behind is None else f", fine-tuned behind {card.fine_tuned_behind}"
    rows = {
        "model": str(model_file.path),
        "size": f"{model_file.bytes / 1e6:.1f} MB",
        "labels": ", ".join(map(printable, model_file.labels)),
        "network": f"{card.backbone.get('name')} up to {card.tap}, weights {card.backbone.get('weights')}{tuned}",
        "input": f"{card.image_size} x {card.image_size} RGB, resized by {card.resize}",
        "numbers": card.quantization,
        "accuracy": card.accuracy_text,
        "unknown": f"below a score of {card.unknown_below:.1%}" if card.unknown_below else "never",
        "remembers": "nothing of its photos" if memory is None else str(memory[0]),
        **({"learned": f"on a board: {'; '.join(map(_learned, card.learned))}"} if card.learned else {}),
        "checksum": "none: damage may go unnoticed" if golden is None else "matches the network",
        "written by": f"graftkit {card.kit_version}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<11} {printable(value)}")


def _learned(entry: dict[str, Any]) -> str:
    """What was learned once, in a few words."""
    how = "from" if entry["new"] else "corrected by"
    return f"{printable(entry['class'])} {how} {entry['photos']:,} photo{'' if entry['photos'] == 1 else 's'}"
