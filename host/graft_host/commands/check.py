"""``graft check``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graft_device.errors import GateError
from graft_host.commands.options import JsonOption, takes
from graft_host.samples.options import NAMES as SAMPLES
from graft_host.training.options import CheckOptions

WITHOUT = (
    *SAMPLES, "augment", "optimizer", "learning_rate", "steps", "class_weight", "strict", "recalibrate",
)  # fmt: skip
"""Options of training that a check does not use."""


@takes(CheckOptions, WITHOUT)
def check(
    options: CheckOptions,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit status 3 if there are findings.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with photos before you train on them.

    The options are those of 'graft train', which then reuses the backbone and the bottlenecks from the cache.
    """
    from graft_host.commands.terminal.check_text import check_text
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.photo_check import check as run

    result = run(options, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else check_text(result))
    if strict and result.findings:
        raise GateError(f"--strict: {len(result.findings)} findings in {options.photos}")
