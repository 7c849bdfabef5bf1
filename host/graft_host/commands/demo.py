"""``graft demo``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import CacheOption, JsonOption


def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the photos and the model.")] = Path("graft-demo"),
    weights: Annotated[
        str | None,
        typer.Option(envvar="GRAFT_WEIGHTS", help="As in 'graft train'; imagenet if available, else random."),
    ] = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train and classify once on rendered photos, without a network."""
    from graft_host.commands.terminal.console import TerminalReporter, demo_text
    from graft_host.commands.terminal.style import style_for
    from graft_host.demo.demo import run_demo

    result = run_demo(folder, weights, cache, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else demo_text(result, style_for(sys.stdout)))
