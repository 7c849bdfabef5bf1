"""Shows the command line that does the same as a page."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.problems import show_done


def command_line(texts: Texts, command: str) -> ui.label:
    """Adds a command line with a button that copies it; returns its label, whose text may be changed later."""
    with ui.element("section").classes("studio-command").props(f'aria-label="{texts("shell.command")}"'):
        ui.label(texts("shell.command")).classes("quiet")
        return copied_line(texts, command)


def copied_line(texts: Texts, command: str) -> ui.label:
    """Adds a command with a button that copies it; returns its label, whose text may be changed later."""
    with ui.element("div").classes("studio-command-line"):
        label = ui.label(command).classes("studio-code").mark("command")
        button = ui.button(icon="content_copy").props("flat")
        button.props["aria-label"] = texts("shell.copy")

    def copy() -> None:
        ui.clipboard.write(label.text)
        show_done(texts("shell.copied"))

    button.on_click(copy)
    return label
