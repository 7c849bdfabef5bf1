"""Small pictures of photos, whose names are data: they are never read as HTML."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.ui.widgets.media import thumbnail_address


def thumbnail(photo_id: str, alt: str, version: str = "") -> ui.element:
    """Adds the small picture of a photo."""
    picture = ui.element("img").classes("check-picture")
    picture.props["src"] = thumbnail_address(photo_id, version)
    picture.props["alt"] = alt
    picture.props["loading"] = "lazy"
    return picture
