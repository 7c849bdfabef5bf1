"""``graft demo``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from graft_device import console
from graft_host.commands.options import CacheOption, JsonOption


def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the photos, the model and the report.")] = Path("graft-demo"),
    weights: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="As in 'graft train', with Inception-v3 unless --backbone is given.  [default: the best that need no "
            "download: EfficientNet-Lite0's, else Inception-v3's from Keras's cache, else random]",
        ),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(show_default=False, help="As in 'graft train'.  [default: that of the weights]")
    ] = None,
    show: Annotated[
        bool, typer.Option("--open", help="Serve the report to this machine and open it in a browser; Ctrl-C ends it.")
    ] = False,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train and classify once on rendered photos, without a download.

    The demo ignores $GRAFT_WEIGHTS.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.commands.terminal.demo_text import demo_text
    from graft_host.commands.terminal.style import style_for
    from graft_host.demo.demo import run_demo

    result = run_demo(folder, weights, backbone, cache, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else demo_text(result, style_for(sys.stdout)))
    if show:
        _open(result.folders.report)


def _open(page: Path) -> None:
    """Serves a page until Ctrl-C, and shows it in a browser if there is one."""
    from graft_host.commands.terminal.opening import open_in_browser
    from graft_host.support.local_page import LocalPage

    with LocalPage(page) as served:
        console.mention(f"the report is at {served.url} until you press Ctrl-C")
        try:
            open_in_browser(served.url)
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return
