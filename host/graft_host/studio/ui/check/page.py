"""The page with what is wrong with the photos, and the map of them."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    ui.label(texts("shell.check")).mark(str(studio.project.root))
