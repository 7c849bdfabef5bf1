"""Deploying to a board: what would be done is shown first."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.studio.board_list.choices import MOST_KEPT, RUNTIMES, Deploying, read_deploying
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.board_list.planning import Planned, plan_deployment
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import trouble
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import attempt


class DeployForm:
    """Chooses a model and options, shows the plan, and deploys."""

    def __init__(self, studio: Studio, texts: Texts, board: KeptBoard, wanted: str) -> None:
        """Builds it in the current element; ``wanted`` is the model to begin with, if there is one of this name."""
        self._studio = studio
        self._texts = texts
        self._board = board
        self._wanted = wanted
        self._models: tuple[str, ...] | None = None
        self._asked: object | None = None  # that plan is shown which was asked for last, and for what is chosen still
        with ui.element("div").classes("boards-deploy"):
            heading(3, texts("boards.deploy_title"))
            self._none = ui.element("div").classes("quiet")
            with self._none:
                ui.label(texts("boards.no_models"))
                ui.link(texts("shell.train"), "/train")
            with ui.element("div").classes("boards-deploy-form") as self._form:
                with ui.element("div").classes("boards-row"):
                    self._model = ui.select({}, label=texts("boards.model"), on_change=self._changed)
                    self._model.classes("boards-model")
                    self._show = ui.button(texts("boards.plan"), icon="checklist", on_click=self._plan)
                    self._show.props("outline")
                self._more()
                self._planned = ui.element("div").classes("boards-plan").props("role=status")
                self._command = command_line(texts, "")

    def _more(self) -> None:
        texts = self._texts
        with ui.expansion(texts("boards.more"), icon="tune").classes("boards-more"):
            self._offline = ui.checkbox(texts("boards.offline"), on_change=self._changed)
            self._downgrade = ui.checkbox(texts("boards.downgrade"), on_change=self._changed)
            with ui.element("div").classes("boards-row"):
                self._service = ui.input(texts("boards.service_name"), on_change=self._changed)
                self._store = ui.input(texts("boards.store"), on_change=self._changed)
                runtimes = {name: name for name in RUNTIMES} | {"auto": texts("boards.runtime_auto")}
                self._runtime = ui.select(
                    runtimes, value="auto", label=texts("boards.runtime"), on_change=self._changed
                )
                self._keep = ui.number(
                    texts("boards.keep"), value=Deploying.keep, min=1, max=MOST_KEPT, precision=0,
                    on_change=self._changed,
                )  # fmt: skip
            for field in (self._service, self._store):
                field.props["placeholder"] = texts("boards.usual")

    def show_models(self, models: tuple[str, ...]) -> None:
        """Offers models; one that was chosen stays chosen while it is among them."""
        if models == self._models:
            return
        self._models = models
        names = {model: model.removeprefix("models/").removesuffix(".tflite") for model in models}
        chosen = next((model for model in (self._model.value, self._wanted, *models) if model in names), None)
        self._model.set_options(names, value=chosen)
        self._none.set_visibility(not models)
        self._form.set_visibility(bool(models))
        self._changed()

    def _chosen(self) -> Deploying:
        """Raises GraftError for a choice that cannot be."""
        raw: dict[str, Any] = {
            "board": self._board.address,
            "model": self._model.value or "",
            "offline": bool(self._offline.value),
            "store": (self._store.value or "").strip(),
            "service": (self._service.value or "").strip(),
            "keep": int(self._keep.value or 0),
            "runtime": self._runtime.value,
            "allow_downgrade": bool(self._downgrade.value),
        }
        return read_deploying(raw)

    def _changed(self) -> None:
        """Another choice has not been planned yet."""
        if not hasattr(self, "_command"):
            return
        self._asked = None
        self._planned.clear()
        try:
            self._command.text = self._chosen().command(dry_run=True)
        except GraftError:
            self._command.text = ""

    async def _plan(self) -> None:
        studio, texts = self._studio, self._texts
        self._planned.clear()
        self._show.disable()
        with self._planned:
            ui.label(texts("boards.planning")).classes("quiet")
        asked = self._asked = object()
        try:
            chosen = self._chosen()
            planned = await asyncio.to_thread(plan_deployment, studio.project, chosen, studio.cache)
        except GraftError as error:
            if asked is self._asked:
                self._planned.clear()
                with self._planned:
                    trouble(texts, error.what, error.remedy)
            return
        finally:
            self._show.enable()
        if asked is self._asked:
            self._show_plan(chosen, planned)

    def _show_plan(self, chosen: Deploying, planned: Planned) -> None:
        texts = self._texts
        self._planned.clear()
        with self._planned:
            if planned.there and not planned.nothing:
                ui.label(texts("boards.plan_there", model=planned.there)).classes("quiet")
            with ui.element("ol"):
                for step in planned.steps:
                    with ui.element("li"):
                        ui.label(texts(f"boards.step_{step.kind}", **step.values))
            if planned.nothing:
                return
            ui.label(texts("boards.plan_safe")).classes("quiet")
            ui.button(texts("boards.deploy"), icon="rocket_launch", on_click=lambda: self._deploy(chosen)).props(
                "color=primary unelevated"
            )
        self._command.text = chosen.command()

    async def _deploy(self, chosen: Deploying) -> None:
        name = chosen.model.removeprefix("models/").removesuffix(".tflite")
        title = self._texts("boards.job_deploy", model=name, board=self._board.name)
        self._changed()
        await attempt(self._texts, lambda: self._studio.jobs.add("deploy", chosen.to_json(), title))
