"""The page with classes, their photos, and the camera."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts, catalogue
from graft_host.studio.ui.photos.board import Board
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.live import on_change

_MODULES = Path(__file__).parents[1] / "static" / "photos"


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    modules = (f"photos/{path.name}" for path in sorted(_MODULES.glob("*.js")))
    for module in ("requests.js", *modules):  # together, not one after another
        ui.add_head_html(f'<link rel="modulepreload" href="/static/{module}">')
    heading(1, texts("shell.photos"))
    board = Board({name: text[texts.language] for name, text in catalogue()["photos"].items()}, texts.language)
    command_line(texts, "graft sort inbox photos")
    on_change(studio.album.changed, board.look)
