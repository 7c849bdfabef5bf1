"""The page with the search for the fastest network."""

from __future__ import annotations

import asyncio

from nicegui import background_tasks, ui

from graft_host.network_search.pareto import Candidate, Limits
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.searches.wishes import keep_wishes, read_wishes
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.search import command
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.fastest.form import Form
from graft_host.studio.ui.fastest.results import Results
from graft_host.studio.ui.fastest.taking import take
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt
from graft_host.studio.ui.widgets.readiness import show_readiness

KIND = "search"


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    _Page(studio, texts)


class _Page:
    """The newest search of the project, and the form for the next one."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._shown, self._slot, self._keeping = "", ui.context.slot, asyncio.Lock()
        self._kept, self._enough = read_wishes(studio.project), False
        heading(1, texts("shell.fastest"))
        with ui.element("p"):
            ui.label(texts("fastest.intro"))
        with ui.element("section").classes("studio-card fastest-form"):
            heading(2, texts("fastest.wanted"))
            self._form = Form(studio, texts, self._kept, self._wish)
            self._start = ui.button(texts("fastest.search"), on_click=self._search).mark("search")
            show_readiness(studio, texts, self._set_enough)
        self._progress = ui.element("div").classes("fastest-progress")
        self._results = Results(studio.project, texts, self._take, self._limit)
        self._command = command_line(texts, command(self._form.wishes.arguments))
        on_change(studio.jobs.changed, self._update)
        self._update()

    def _update(self) -> None:
        """Shows the newest search."""
        job = self._studio.jobs.newest(KIND)
        self._offer()
        if job is not None and job.id != self._shown:
            self._shown = job.id
            self._progress.clear()
            with self._progress:
                job_view(self._studio, self._texts, job.id)
        self._results.show(job, self._form.wishes.limits)

    def _set_enough(self, enough: bool) -> None:
        self._enough = enough
        self._offer()

    def _offer(self) -> None:
        """Lets a search begin where there are photos and networks, and no other one runs."""
        job = self._studio.jobs.newest(KIND)
        free = job is None or job.state in ENDED
        self._start.enabled = self._enough and bool(self._form.wishes.backbones) and free

    def _wish(self) -> None:
        """Takes in what a person has changed in the form."""
        self._command.text = command(self._form.wishes.arguments)
        self._update()
        self._keep()

    async def _limit(self, limits: Limits, final: bool) -> None:
        """Takes in limits that were dragged."""
        self._form.show_limits(limits)
        self._command.text = command(self._form.wishes.arguments)
        self._update()
        if final:
            self._keep()

    def _keep(self) -> None:
        background_tasks.create(self._keep_newest())

    async def _keep_newest(self) -> None:
        async with self._keeping:
            wishes = self._form.wishes
            if wishes != self._kept:
                self._kept = wishes
                with self._slot:
                    await attempt(self._texts, lambda: keep_wishes(self._studio.project, wishes))

    async def _search(self) -> None:
        wishes, title = self._form.wishes, self._texts("shell.fastest")
        self._start.disable()
        await attempt(self._texts, lambda: self._studio.jobs.add(KIND, wishes.arguments, title))
        self._update()

    async def _take(self, job: Job, candidate: Candidate) -> None:
        await take(self._studio, self._texts, job, candidate)
