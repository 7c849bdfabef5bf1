"""Adds a board: one that is typed, or one of the ssh configuration."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import name_control
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.looks import Looks
from graft_host.studio.ui.widgets.problems import attempt

_MOST_SUGGESTIONS = 12


def add_form(studio: Studio, texts: Texts) -> None:
    """Adds the form."""

    async def add(address: str, name: str) -> None:
        board = await attempt(texts, lambda: studio.boards.add(address, name))
        if board is not None:
            field.value = label.value = ""
            studio.boards.look(board.address)

    async def add_typed() -> None:
        await add(field.value or "", label.value or "")

    with ui.element("section").classes("studio-card boards-add") as section:
        section.props["aria-label"] = texts("boards.add")
        with ui.element("div").classes("boards-row"):
            field = ui.input(texts("boards.address"), placeholder="pi@kitchen").classes("boards-address")
            label = ui.input(texts("boards.name"), placeholder=texts("boards.optional")).classes("boards-name")
            ui.button(texts("boards.add"), on_click=add_typed).props("color=primary unelevated")
        for one in (field, label):
            one.props("autocomplete=off autocapitalize=off spellcheck=false")
            one.on("keydown.enter", add_typed)
        ui.label(texts("boards.address_help")).classes("quiet boards-small")
        suggestions = ui.element("div").classes("boards-row boards-suggestions")

    def suggest(names: tuple[str, ...]) -> None:
        suggestions.clear()
        with suggestions:
            if names:
                ui.label(texts("boards.from_ssh")).classes("quiet boards-small")
            for name in names[:_MOST_SUGGESTIONS]:
                button = ui.button(name, icon="add", on_click=lambda name=name: add(name, ""))
                name_control(button.props("outline dense no-caps"), texts("boards.add_named", name=name))

    looks = Looks(texts, suggestions, studio.boards.suggestions, suggest)
    looks.ask()
    on_change(studio.boards.changed, looks.ask)
