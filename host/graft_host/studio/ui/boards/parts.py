"""Small parts of the page with boards. Texts of boards are shown as text, whatever they contain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nicegui import ui
from nicegui.element import Element

from graft_host.studio.texts.texts import Texts


def name_control(element: Element, name: str) -> None:
    """Names a control for those who cannot see it."""
    element.props["aria-label"] = name


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """A list of names and values; rows without a value are left out."""
    with ui.element("dl").classes("boards-facts"):
        for name, value in rows:
            if value:
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(value)


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of texts."""
    with ui.element("div").classes("boards-scroll"), ui.element("table").classes("boards-table"):
        with ui.element("thead"), ui.element("tr"):
            for name in names:
                with ui.element("th").props("scope=col"):
                    ui.label(name)
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for text in row:
                        with ui.element("td"):
                            ui.label(text)


def trouble(texts: Texts, what: str, remedy: str) -> Element:
    """What went wrong, and what to do; returns the box, for more to be added."""
    with ui.element("div").classes("boards-trouble").props("role=alert") as box:
        ui.label(what)
        if remedy:
            ui.label(texts("shell.what_to_do", remedy=remedy)).classes("quiet")
    return box
