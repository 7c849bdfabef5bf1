"""Headings, whose texts may be data: they are never read as HTML."""

from __future__ import annotations

from nicegui import ui


def heading(level: int, text: str, identity: str = "") -> ui.label:
    """Adds a heading; returns its label, whose text may be changed later.

    Args:
        level: 1 to 6.
        text: what it says.
        identity: its id, for a heading that others name, or that gets the focus; empty for none.
    """
    with ui.element(f"h{level}") as element:
        if identity:
            element.props["id"] = identity
            element.props["tabindex"] = -1
        return ui.label(text)
