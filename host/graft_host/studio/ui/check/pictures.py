"""Small pictures of photos, whose names are data: they are never read as HTML."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import ui


def thumbnail(photo_id: str, alt: str, version: str = "") -> ui.element:
    """Adds the small picture of a photo."""
    picture = ui.element("img").classes("check-picture")
    picture.props["src"] = address(photo_id, version)
    picture.props["alt"] = alt
    picture.props["loading"] = "lazy"
    return picture


def address(photo_id: str, version: str = "") -> str:
    """Where the small picture of a photo is."""
    path = f"/media/thumbnails/{quote(photo_id)}"
    return f"{path}?v={quote(version)}" if version else path
