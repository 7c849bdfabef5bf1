"""The page with what is wrong with the photos, and the map of them."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.findings import Findings
from graft_host.studio.ui.check.map_panel import MapPanel
from graft_host.studio.ui.check.undoing import undo_bar
from graft_host.studio.ui.widgets.headings import heading


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    with ui.element("div").classes("check-head"):
        heading(1, texts("shell.check"))
        undo_bar(studio, texts)
    with ui.tabs().props("no-caps align=left inline-label").classes("check-tabs") as tabs:
        problems = ui.tab("findings", texts("check.findings"), icon="rule")
        whole = ui.tab("map", texts("check.map"), icon="scatter_plot")
    with ui.tab_panels(tabs, value=problems, animated=False, keep_alive=False).classes("check-panels"):
        with ui.tab_panel(problems):
            Findings(studio, texts)
        with ui.tab_panel(whole):
            MapPanel(studio, texts)
