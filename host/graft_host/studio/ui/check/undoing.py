"""Takes back the last change of the photos: a button, and Ctrl+Z anywhere on the page."""

from __future__ import annotations

from nicegui import events, ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt, show_done


def undo_bar(studio: Studio, texts: Texts) -> None:
    """Adds the button, which is only there while there is something to take back."""

    async def undo() -> None:
        if await attempt(texts, studio.album.undo) is not None:
            show_done(texts("check.undone"))

    async def redo() -> None:
        if await attempt(texts, studio.album.redo) is not None:
            show_done(texts("check.redone"))

    async def key(event: events.KeyEventArguments) -> None:
        if not event.action.keydown or not (event.modifiers.ctrl or event.modifiers.meta):
            return
        pressed = event.key.name.lower()
        if pressed == "y" or (pressed == "z" and event.modifiers.shift):
            await redo()
        elif pressed == "z":
            await undo()

    button = ui.button(texts("check.undo"), icon="undo", on_click=undo).props("flat dense aria-keyshortcuts=Control+Z")
    ui.keyboard(on_key=key, ignore=["input", "textarea"])

    def update() -> None:
        button.visible = studio.album.state().undo is not None

    on_change(studio.album.changed, update)
    update()
