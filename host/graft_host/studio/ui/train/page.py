"""The page with training, and the history of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.project.settings import change_settings, read_settings
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.train_options import CHOICES, DEFAULTS, command, model_of
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.figures import figures_of
from graft_host.studio.ui.train.form import Form
from graft_host.studio.ui.train.history import History
from graft_host.studio.ui.train.names import free_name, is_taken
from graft_host.studio.ui.train.result_card import result_card
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt, show_error
from graft_host.studio.ui.widgets.readiness import show_readiness

KIND = "train"
_TABLE = "train"


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    heading(1, texts("train.title"))
    start = _Start(studio, texts)
    _Runs(studio, texts)
    History(studio, texts, start.fill)


class _Start:
    """The button, the name of the model, and the choices."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._enough = True
        self._states: tuple[tuple[str, str], ...] = ()
        self._suggested = free_name(studio)
        settings = self._settings()
        with ui.element("section").classes("studio-card train-start") as card:
            card.props["aria-label"] = texts("train.new_model")
            ready = ui.element("div")
            with ui.element("div").classes("train-go"):
                self._name = ui.input(texts("train.name"), value=self._suggested, on_change=self._update)
                self._name.without_auto_validation().classes("train-name")
                self._button = ui.button(texts("train.train"), icon="play_arrow", on_click=self._train)
                self._button.classes("train-button")
            ui.label(texts("train.about_defaults")).classes("quiet")
            with ui.expansion(texts("train.more")).classes("train-more"):
                ui.label(texts("train.about_more")).classes("quiet")
                self._form = Form(studio.project, texts, settings, self._update)
                ui.button(texts("train.reset"), on_click=lambda: self._form.fill({})).props("flat")
            self._problem = ui.label().classes("train-problem").props("role=alert")
            self._command = command_line(texts, "")
        with ready:
            show_readiness(studio, texts, self._set_enough)
        on_change(studio.jobs.changed, self._refresh)
        self._update()

    def fill(self, job: Job) -> None:
        """Takes over the choices of an earlier training."""
        self._form.fill({name: value for name, value in job.arguments.items() if name in CHOICES})
        ui.run_javascript("window.scrollTo({top: 0})")

    def _settings(self) -> Mapping[str, Any]:
        try:
            return read_settings(self._studio.project, _TABLE)
        except GraftError as error:
            show_error(self._texts, error.what, error.remedy)
            return {}

    def _arguments(self) -> dict[str, Any]:
        return {**DEFAULTS, **self._form.choices(), "output": model_of(self._name.value or "")}

    def _update(self, *_: object) -> None:
        wrong = ""
        try:
            arguments = self._arguments()
            if is_taken(self._studio, self._name.value):
                wrong = self._texts("train.taken", name=free_name(self._studio, self._name.value.strip()))
            else:
                self._command.text = command(arguments)
        except GraftError as error:
            wrong = f"{error.what}: {error.remedy}"
        self._name.error = wrong or None
        self._problem.text = self._form.error
        self._problem.visible = bool(self._form.error)
        self._button.enabled = self._enough and not (wrong or self._form.error)

    def _set_enough(self, enough: bool) -> None:
        self._enough = enough
        self._update()

    def _refresh(self) -> None:
        """Another window may have taken the name, and there may be a new model."""
        states = tuple((job.id, job.state) for job in self._studio.jobs.all())
        if states == self._states:
            return
        self._states = states
        self._form.refresh()
        if self._name.value == self._suggested and is_taken(self._studio, self._suggested):
            self._suggest(self._suggested)
        self._update()

    def _suggest(self, wanted: str) -> None:
        self._suggested = free_name(self._studio, wanted)
        self._name.value = self._suggested

    async def _train(self) -> None:
        arguments, choices = self._arguments(), self._form.choices()
        name = self._name.value.strip()

        def add() -> Job:
            job = self._studio.jobs.add(KIND, arguments, name)
            change_settings(self._studio.project, _TABLE, {name: choices.get(name) for name in CHOICES})
            return job

        self._button.enabled = False
        await attempt(self._texts, add)
        self._suggest(name)
        self._update()


class _Runs:
    """The trainings that wait or run, and the result of the newest one."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._shown: dict[str, ui.element] = {}
        self._result: Job | None = None
        self._jobs = ui.element("div").classes("train-jobs")
        self._card = ui.element("div")
        on_change(studio.jobs.changed, self._update)
        self._update()

    def _update(self) -> None:
        jobs = [job for job in self._studio.jobs.all() if job.kind == KIND]
        active = {job.id for job in jobs if job.state not in ENDED}
        failed = {job.id for job in jobs[:1] if job.state == "failed" and figures_of(job) is None}
        wanted = active | failed
        for job_id in [job_id for job_id in self._shown if job_id not in wanted]:
            self._shown.pop(job_id).delete()
        with self._jobs:
            for job in reversed(jobs):
                if job.id in wanted and job.id not in self._shown:
                    self._shown[job.id] = job_view(self._studio, self._texts, job.id)
        self._jobs.visible = bool(self._shown)
        result = next((job for job in jobs if figures_of(job) is not None), None)
        if result is not None and (self._result is None or self._result.id != result.id):
            self._result = result
            self._card.clear()
            with self._card:
                result_card(self._studio, self._texts, result)
