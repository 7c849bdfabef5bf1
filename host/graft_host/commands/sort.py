"""``graft sort``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_host.commands.options import JsonOption, takes
from graft_host.sorting.options import SortOptions

if TYPE_CHECKING:
    from graft_host.sorting.page.server import Sorted

_LAST_PORT = 65535


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
            help="Move pictures as the columns file and label of a CSV say: to a class, to unknown, or to .bin, the "
            "bin.",
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last move, of the page or of a list.")] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=_LAST_PORT, help="Port of the page on this machine; 0 takes a free one.", rich_help_panel="Page"
        ),
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address of the page.", rich_help_panel="Page")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Sort the pictures of an inbox into class folders, on a page.

    The inbox is any folder of pictures, such as 'graft collect' writes. The page shows them in groups of likeness,
    until you press Ctrl-C. Nothing is deleted: pictures that nobody wants are moved to .bin in the inbox, and every
    move can be taken back.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.sort_text import applied_text, suggested_text
    from graft_host.sorting.applying import apply as move
    from graft_host.sorting.applying import take_back
    from graft_host.sorting.state import SortError
    from graft_host.sorting.suggestions import suggest as write

    if suggest + (apply is not None) + undo > 1:
        raise typer.BadParameter("they exclude each other", param_hint="'--suggest', '--apply' and '--undo'")
    reporter = TerminalReporter()
    if apply is not None or undo:
        applied = take_back(options, reporter) if apply is None else move(options, apply, reporter)
        typer.echo(json.dumps(applied.to_json()) if as_json else applied_text(applied))
        if applied.failed:
            what = "1 picture" if applied.failed == 1 else f"{applied.failed:,} pictures"
            raise SortError(f"{what} could not be moved", "see above for the reasons, and run the command again")
    elif suggest:
        suggested = write(options, reporter)
        typer.echo(json.dumps(suggested.to_json()) if as_json else suggested_text(suggested, options))
    else:
        result = _served(options, port, no_browser)
        typer.echo(json.dumps(result.to_json()) if as_json else _text(result))


def _served(options: SortOptions, port: int, no_browser: bool) -> Sorted:
    """Serves the page until Ctrl-C."""
    from graft_device import console
    from graft_device.serve.packages import PAGE, check_packages
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.opening import open_in_browser
    from graft_host.sorting.table import open_table
    from graft_host.support.cache import default_cache

    check_packages(PAGE)
    from graft_host.sorting.page.server import serve

    with open_table(options, TerminalReporter()) as table:
        show = None if no_browser else open_in_browser
        return serve(table, options.cache or default_cache(), port, console.mention, show)


def _text(result: Sorted) -> str:
    """What ``graft sort`` prints when its page ends."""
    from graft_device.text import printable

    gains = [*result.classes.items(), ("unknown", result.unknown), ("the bin", result.binned)]
    lines = [f"{printable(label)}  {gain:+d}" for label, gain in gains if gain]
    left = "1 picture is" if result.left == 1 else f"{result.left:,} pictures are"
    return "\n".join([*(lines or ["nothing was moved"]), f"{left} still in the inbox"])
