"""The page with a model for other software."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    ui.label(texts("shell.export")).mark(str(studio.project.root))
