"""The way back: a button, and the question before it."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.board_list.choices import WayBack
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.board_list.seen import BoardSeen
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import attempt


def back_button(studio: Studio, texts: Texts, board: KeptBoard, seen: BoardSeen) -> None:
    """Adds the button, if there is a model to go back to."""
    current, previous = seen.current, seen.previous
    if current is None or previous is None:
        return
    chosen = WayBack(board.address, seen.facts.store, previous.id)
    names = {"now": current.name or current.id, "before": previous.name or previous.id, "board": board.name}

    async def go() -> None:
        dialog.close()
        arguments = {"board": chosen.board, "store": chosen.store, "slot": chosen.slot}
        title = texts("boards.back_title", **names)
        await attempt(texts, lambda: studio.jobs.add("way_back", arguments, title))

    with ui.dialog() as dialog, ui.card():
        heading(2, texts("boards.back_question", **names))
        ui.label(texts("boards.back_help", **names))
        command_line(texts, chosen.command())
        with ui.element("div").classes("boards-row boards-end"):
            ui.button(texts("shell.cancel"), on_click=dialog.close).props("flat")
            ui.button(texts("boards.back_yes", **names), on_click=go).props("color=primary unelevated")
    ui.button(texts("boards.back"), icon="undo", on_click=dialog.open).props("outline").classes("boards-back")
