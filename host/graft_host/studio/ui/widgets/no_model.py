"""What a page shows that needs a model, until there is one."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.project.models import find_models
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.live import on_change


def invite_to_train(studio: Studio, texts: Texts, page: str) -> None:
    """Leads to training, and shows the page again once there is a model.

    Args:
        studio: whose models are looked for.
        texts: of the language.
        page: the name of the page, whose texts ``no_model`` and ``to_train`` are shown.
    """
    with ui.element("div").classes("studio-card studio-no-model"):
        ui.label(texts(f"{page}.no_model"))
        ui.link(texts(f"{page}.to_train"), "/train")

    def look() -> None:
        if find_models(studio.project):
            ui.navigate.reload()

    on_change(studio.jobs.changed, look)
