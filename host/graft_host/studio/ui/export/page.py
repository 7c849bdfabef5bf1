"""The page with files for boards and for other software."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from graft_device.errors import GraftError
from graft_device.model import ModelFile
from graft_host.export.registry import FORMATS
from graft_host.studio.exports.offers import Offer, offers, read_choice
from graft_host.studio.jobs.job import ENDED
from graft_host.studio.project.models import find_models
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.export.cards import FileCard, FormatCard
from graft_host.studio.ui.export.facts import Facts
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.looks import Looks
from graft_host.studio.ui.widgets.no_model import invite_to_train
from graft_host.studio.ui.widgets.problems import show_error

SAME_FILE = ("tflite", "mediapipe")
"""The cards of the model's own file."""


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    heading(1, texts("shell.export"))
    with ui.element("p"):
        ui.label(texts("export.intro"))
    if find_models(studio.project):
        _Page(studio, texts)
    else:
        invite_to_train(studio, texts, "export")


@dataclass(frozen=True)
class _Seen:
    """A model as it was looked at; why not, where it cannot be read."""

    name: str
    model: ModelFile | None
    offers: dict[str, Offer]
    fault: GraftError | None = None


class _Page:
    """The model that a person has chosen, and a card for each way to use it."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._ended: frozenset[str] = self._ended_exports()
        names = [model.name for model in find_models(studio.project)]
        wanted = ui.context.client.request.query_params.get("model", "")
        with ui.element("section").classes("studio-card export-model") as chosen:
            heading(2, texts("export.model"))
            self._looks = Looks(texts, chosen, self._look, self._show)
            self._choice = ui.select(names, value=wanted if wanted in names else names[0], label=texts("export.choose"))
            self._choice.props("outlined").on_value_change(self._looks.ask)
            self._facts = Facts(texts)
        with ui.element("div").classes("export-cards"):
            self._files = [FileCard(texts, name) for name in SAME_FILE]
            self._formats = {name: FormatCard(studio, texts, name, self._looks.ask) for name in FORMATS}
        on_change(studio.jobs.changed, self._update)
        self._looks.ask()

    def _look(self) -> _Seen:
        """Reads the chosen model, and looks at what it can be exported as, and what is there already."""
        name, project = str(self._choice.value), self._studio.project
        as_float = any(card.as_float for card in self._formats.values())
        try:
            model = read_choice(project, name)
        except GraftError as error:
            return _Seen(name, None, {}, error)
        return _Seen(name, model, offers(project, model, float_network=as_float))

    def _show(self, seen: _Seen) -> None:
        if seen.name != self._choice.value:
            return  # another one was chosen meanwhile, which the next look is for
        if seen.fault is not None:
            show_error(self._texts, seen.fault.what, seen.fault.remedy)
        self._facts.show(seen.model)
        for card in self._files:
            card.show(seen.name, usable=seen.model is not None)
        for name, format_card in self._formats.items():
            format_card.show(seen.offers.get(name))

    def _update(self) -> None:
        """Shows how far exports are; looks again once one has ended."""
        for card in self._formats.values():
            card.update()
        ended = self._ended_exports()
        if ended != self._ended:
            self._ended = ended
            self._looks.ask()
        names = [model.name for model in find_models(self._studio.project)]
        if names and names != self._choice.options:
            kept = self._choice.value if self._choice.value in names else names[0]
            self._choice.set_options(names, value=kept)

    def _ended_exports(self) -> frozenset[str]:
        jobs = self._studio.jobs.all()
        return frozenset(job.id for job in jobs if job.kind == "export" and job.state in ENDED)
