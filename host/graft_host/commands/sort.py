"""``graft sort``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graft_host.commands.options import JsonOption, takes
from graft_host.sorting.options import SortOptions


@takes(SortOptions)
def sort(
    options: SortOptions,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest", help="Write the likely label of each picture to suggestions.csv in the inbox, and move none."
        ),
    ] = False,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Move pictures as a CSV with the columns file and label says: to a class, unknown, or .bin for the "
            "bin.",
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last move back, of the page or of a list.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sort the pictures of an inbox into class folders, in groups of likeness.

    The inbox is any folder of pictures, such as 'graft collect' writes. Nothing is deleted: pictures that nobody wants
    are moved to .bin in the inbox, and every move can be taken back.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.sort_text import applied_text, suggested_text
    from graft_host.sorting.applying import apply as move
    from graft_host.sorting.applying import take_back
    from graft_host.sorting.suggestions import suggest as write

    if suggest + (apply is not None) + undo > 1:
        raise typer.BadParameter("they exclude each other", param_hint="'--suggest', '--apply' and '--undo'")
    reporter = TerminalReporter()
    if apply is not None or undo:
        applied = take_back(options, reporter) if apply is None else move(options, apply, reporter)
        typer.echo(json.dumps(applied.to_json()) if as_json else applied_text(applied))
    elif suggest:
        suggested = write(options, reporter)
        typer.echo(json.dumps(suggested.to_json()) if as_json else suggested_text(suggested, options))
    else:
        raise typer.BadParameter("one of them is needed", param_hint="'--suggest', '--apply' or '--undo'")
