"""``graft compare``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from graft_host.commands.options import JsonOption, takes
from graft_host.samples.options import NAMES as SAMPLES
from graft_host.training.options import HeadOptions

if TYPE_CHECKING:
    from graft_host.comparison import Comparison


WITHOUT = (*SAMPLES, "quantize", "strict", "recalibrate")
"""Options of training that a comparison does not have."""


@takes(HeadOptions, WITHOUT)
def compare(options: HeadOptions, as_json: JsonOption = False) -> None:
    """Compare float32, float16, dynamic and int8 versions of a model.

    Only heads are trained, as without --fine-tune.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.comparison import compare as run

    result = run(options, TerminalReporter())
    network = f"{options.family.title} {options.tap} at {options.image_size}"
    typer.echo(json.dumps(result.to_json()) if as_json else _text(result, network))


def _text(result: Comparison, network: str) -> str:
    from graft_host.commands.terminal.console import short, table

    files = [
        [
            row.quantization,
            row.head,
            f"{row.accuracy:.4f}",
            f"{row.interval[0]:.4f} to {row.interval[1]:.4f}",
            f"{row.bytes / 1e6:.1f}",
            f"{row.ms:.1f}",
        ]
        for row in result.rows
    ]
    pairs = [
        [
            row.quantization,
            row.head,
            str(row.paired.only_float32),
            str(row.paired.only_this),
            f"{row.paired.p_value:.2g}",
            f"{row.agreement:.1%}",
            "none" if row.worst_class is None else f"{row.drop:.4f} {short(row.worst_class)}",
        ]
        for row in result.rows[1:]
    ]
    return "\n".join(
        [
            table(["numbers", "head", "accuracy", "95% interval", "MB", "ms"], files),
            "",
            "Against the float32 file, photo by photo: right only there, and only here",
            table(["numbers", "head", "there", "here", "p", "agrees", "largest drop"], pairs),
            "",
            f"Network: {network}.",
            f"On {result.photos} test photos. p: how often two equally good files differ as much by chance",
            "(McNemar's exact test). Largest drop: in a class's recall.",
            "All but the last file share one head, trained on float32 bottlenecks. The head",
            "of the last is the one that graft train --tap ships, trained on int8 ones.",
            f"Milliseconds: median of one inference here, {result.runtime}, threads: {result.threads}.",
        ]
    )
