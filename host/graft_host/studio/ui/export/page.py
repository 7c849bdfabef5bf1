"""The page with files for boards and for other software."""

from __future__ import annotations

from nicegui import ui

from graft_device.model import ModelFile
from graft_host.export.registry import FORMATS
from graft_host.studio.exports.offers import Offer, offers, read_choice
from graft_host.studio.project.models import find_models
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.export.cards import FileCard, FormatCard
from graft_host.studio.ui.export.facts import Facts
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt

SAME_FILE = ("tflite", "mediapipe")
"""The cards of the model's own file."""

_FINAL = ("done", "failed", "cancelled")


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    heading(1, texts("shell.export"))
    with ui.element("p"):
        ui.label(texts("export.intro"))
    if find_models(studio.project):
        _Page(studio, texts)
    else:
        _build_invitation(studio, texts)


def _build_invitation(studio: Studio, texts: Texts) -> None:
    with ui.element("div").classes("studio-card export-none"):
        ui.label(texts("export.no_model"))
        ui.link(texts("export.to_train"), "/train")

    def look() -> None:
        if find_models(studio.project):
            ui.navigate.reload()

    on_change(studio.jobs.changed, look)


class _Page:
    """The model that a person has chosen, and a card for each way to use it."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._model: ModelFile | None = None
        self._ended: frozenset[str] = self._ended_exports()
        names = [model.name for model in find_models(studio.project)]
        wanted = ui.context.client.request.query_params.get("model", "")
        with ui.element("section").classes("studio-card export-model"):
            heading(2, texts("export.model"))
            self._choice = ui.select(names, value=wanted if wanted in names else names[0], label=texts("export.choose"))
            self._choice.props("outlined").on_value_change(self._read)
            self._facts = Facts(texts)
        with ui.element("div").classes("export-cards"):
            self._files = [FileCard(texts, name) for name in SAME_FILE]
            self._formats = {name: FormatCard(studio, texts, name, self._look_again) for name in FORMATS}
        on_change(studio.jobs.changed, self._update)
        ui.timer(0, self._read, once=True)

    async def _read(self) -> None:
        """Reads the chosen model."""
        name = str(self._choice.value)
        self._model = await attempt(self._texts, lambda: read_choice(self._studio.project, name))
        self._facts.show(self._model)
        for card in self._files:
            card.show(name, usable=self._model is not None)
        await self._look_again()

    async def _look_again(self) -> None:
        """Looks at what can be exported, and what is there already."""
        model, project = self._model, self._studio.project
        if model is None:
            for card in self._formats.values():
                card.show(None)
            return
        as_float = any(card.as_float for card in self._formats.values())

        def look() -> dict[str, Offer]:
            return offers(project, model, float_network=as_float)

        found = await attempt(self._texts, look)
        for name, offer in (found or {}).items():
            self._formats[name].show(offer)

    def _update(self) -> None:
        """Shows how far exports are; looks again once one has ended."""
        for card in self._formats.values():
            card.update()
        ended = self._ended_exports()
        if ended != self._ended:
            self._ended = ended
            ui.timer(0, self._look_again, once=True)
        names = [model.name for model in find_models(self._studio.project)]
        if names and names != self._choice.options:
            kept = self._choice.value if self._choice.value in names else names[0]
            self._choice.set_options(names, value=kept)

    def _ended_exports(self) -> frozenset[str]:
        jobs = self._studio.jobs.all()
        return frozenset(job.id for job in jobs if job.kind == "export" and job.state in _FINAL)
