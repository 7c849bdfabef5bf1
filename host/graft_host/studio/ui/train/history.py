"""The table of earlier trainings: what each gave, and what was done otherwise."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.columns import COLUMNS, earlier
from graft_host.studio.ui.train.comparing import Comparing
from graft_host.studio.ui.train.figures import figures_of
from graft_host.studio.ui.train.words import (
    accuracy_text,
    changes,
    ms_text,
    name_of,
    range_text,
    size_text,
    when_text,
)
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt

KIND = "train"
_MOST_CHANGES = 4
_PAIR = 2
_FAILED_GATE = 3  # the exit status


class History:
    """The section with the table; hidden as long as nothing was trained."""

    def __init__(self, studio: Studio, texts: Texts, again: Callable[[Job], None]) -> None:
        """Adds the section.

        Args:
            studio: whose jobs are shown.
            texts: of the language.
            again: called with a job whose choices a person wants again.
        """
        self._studio, self._texts, self._again = studio, texts, again
        self._order, self._down = "when", True
        self._jobs: list[Job] = []
        self._chosen: dict[str, Job] = {}
        self._headers: dict[str, ui.element] = {}
        with ui.element("section").classes("train-history") as self._section:
            self._section.props["aria-labelledby"] = "train-history"
            with ui.element("h2").props("id=train-history"):
                ui.label(texts("train.history"))
            with ui.element("div").classes("train-table-frame").props("tabindex=0 role=region") as frame:
                frame.props["aria-labelledby"] = "train-history"
                with ui.element("table").classes("train-table"):
                    with ui.element("thead"), ui.element("tr"):
                        self._add_headers()
                    self._body = ui.element("tbody")
            with ui.element("div").classes("train-compare"):
                self._compare = ui.button(texts("train.compare"), on_click=self._start)
                self._hint = ui.label(texts("train.choose_two")).classes("quiet")
            self._comparing = Comparing(studio, texts)
        on_change(studio.jobs.changed, self._look)
        self._look()

    def _add_headers(self) -> None:
        with ui.element("th").props("scope=col"):
            ui.label(self._texts("train.column_choose")).classes("screen-reader")
        for column in COLUMNS:
            with ui.element("th").props("scope=col") as header:
                button = ui.element("button").props("type=button").classes("train-sort")
                with button:
                    ui.label(self._texts(f"train.column_{column.key}"))
                button.on("click", lambda _, key=column.key: self._sort(key))
            self._headers[column.key] = header
        with ui.element("th").props("scope=col"):
            ui.label(self._texts("train.column_changes"))
        with ui.element("th").props("scope=col"):
            ui.label(self._texts("train.column_actions")).classes("screen-reader")

    def _sort(self, key: str) -> None:
        self._down = not self._down if key == self._order else key != "model"
        self._order = key
        self._show()

    def _look(self) -> None:
        jobs = [job for job in self._studio.jobs.all() if job.kind == KIND and job.state in ENDED]
        if [(job.id, job.state) for job in jobs] != [(job.id, job.state) for job in self._jobs] or not jobs:
            self._jobs = jobs
            self._show()

    def _show(self) -> None:
        self._section.visible = bool(self._jobs)
        for key, header in self._headers.items():
            order = ("descending" if self._down else "ascending") if key == self._order else "none"
            header.props["aria-sort"] = order
        kept = {job.id for job in self._jobs}
        self._chosen = {job_id: job for job_id, job in self._chosen.items() if job_id in kept}
        self._show_choice()
        before = earlier(self._jobs)
        column = next(column for column in COLUMNS if column.key == self._order)
        rows = sorted(self._jobs, key=lambda job: column.value(job, figures_of(job)), reverse=self._down)
        self._body.clear()
        with self._body:
            for job in rows:
                self._row(job, before.get(job.id))

    def _row(self, job: Job, before: Job | None) -> None:
        texts, figures = self._texts, figures_of(job)
        with ui.element("tr") as row:
            row.props["data-state"] = job.state
            with ui.element("td").classes("train-actions"):
                if job.state == "done" and figures is not None:
                    self._choice(job)
            _cell(when_text(job))
            with ui.element("th").props("scope=row"):
                ui.label(name_of(job))
                if job.state != "done":
                    refused = job.error is not None and job.error.status == _FAILED_GATE
                    ui.label(texts("train.was_refused" if refused else f"jobs.{job.state}")).classes("quiet")
            if figures is None:
                for _ in range(4):
                    _cell("-")
            else:
                _cell(accuracy_text(figures), range_text(texts, figures))
                _cell(size_text(figures))
                _cell(ms_text(figures))
                _cell(f"{sum(figures.counts.values()):,}")
            with ui.element("td").classes("train-changes"):
                self._changes(job, before)
            with ui.element("td").classes("train-actions"):
                self._actions(job)

    def _choice(self, job: Job) -> None:
        box = ui.checkbox(value=job.id in self._chosen, on_change=lambda event: self._choose(job, event.value))
        box.props["aria-label"] = self._texts("train.choose", name=name_of(job))

    def _choose(self, job: Job, chosen: bool) -> None:
        if chosen:
            self._chosen[job.id] = job
        else:
            self._chosen.pop(job.id, None)
        self._show_choice()

    def _show_choice(self) -> None:
        self._compare.enabled = len(self._chosen) == _PAIR
        comparable = sum(job.state == "done" for job in self._jobs) >= _PAIR
        self._compare.visible = comparable
        self._hint.visible = comparable and len(self._chosen) != _PAIR

    async def _start(self) -> None:
        older, newer = (str(self._chosen[job_id].arguments["output"]) for job_id in sorted(self._chosen))
        await self._comparing.start(older, newer)

    def _changes(self, job: Job, before: Job | None) -> None:
        if job.error is not None and job.error.status != _FAILED_GATE:
            ui.label(job.error.what).classes("quiet")
            return
        lines = changes(self._texts, before, job)
        for line in lines[:_MOST_CHANGES]:
            ui.label(line)
        if (more := len(lines) - _MOST_CHANGES) > 0:
            ui.label(self._texts("train.changed_more", count=more)).classes("quiet")

    def _actions(self, job: Job) -> None:
        texts, name = self._texts, name_of(job)
        for icon, key, act in (
            ("replay", "again", lambda: self._again(job)),
            ("close", "remove", lambda: self._remove(job)),
        ):
            button = ui.button(icon=icon, on_click=act).props("flat dense round")
            button.props["aria-label"] = texts(f"train.{key}", name=name)
            with button:
                ui.tooltip(texts(f"train.{key}", name=name))

    async def _remove(self, job: Job) -> None:
        await attempt(self._texts, lambda: self._studio.jobs.remove(job.id))


def _cell(text: str, more: str = "") -> None:
    with ui.element("td"):
        ui.label(text)
        if more:
            ui.label(more).classes("quiet")
