"""The page with a model on the camera or a photo."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from graft_host.studio.project.models import ProjectModel, find_models
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.trials.command import classify_command
from graft_host.studio.ui.trying.tester import Tester
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.no_model import invite_to_train


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    heading(1, texts("trying.title"))
    models = find_models(studio.project)
    if models:
        _build_tester(studio, texts, models)
    else:
        invite_to_train(studio, texts, "trying")


def _build_tester(studio: Studio, texts: Texts, models: tuple[ProjectModel, ...]) -> None:
    wanted = ui.context.client.request.query_params.get("model", "")
    chosen = wanted if any(model.name == wanted for model in models) else models[0].name
    if wanted and chosen != wanted:
        ui.notify(texts("trying.no_such_model", name=wanted), type="warning")

    def labels() -> list[str]:
        return [one.label for one in studio.album.state().classes]

    tester = Tester(texts, models, chosen, labels())
    command = command_line(texts, classify_command(chosen))

    def choose(event: GenericEventArguments) -> None:
        command.text = classify_command(str(event.args))

    tester.on("model", choose)
    on_change(studio.album.changed, lambda: tester.name_classes(labels()))
    on_change(studio.jobs.changed, lambda: tester.offer(find_models(studio.project)))
