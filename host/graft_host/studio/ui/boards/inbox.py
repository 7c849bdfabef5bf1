"""The pictures that wait in the inbox: labels that a person gave at a board are taken over, the rest is sorted."""

from __future__ import annotations

from nicegui import ui

from graft_device.text import printable
from graft_host.studio.board_list.waiting import Waiting, accept, accept_back, waiting
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.sort import OPEN
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.looks import Looks
from graft_host.studio.ui.widgets.problems import attempt, show_done

_MOST_LABELS = 40


class InboxPart:
    """The part about the inbox."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        """Builds it in the current element."""
        self._studio = studio
        self._texts = texts
        self._shown = ""
        self._ended = True
        with ui.element("div").classes("boards-inbox"):
            heading(3, texts("boards.inbox"))
            self._waiting = ui.element("div").classes("boards-inbox-list").props("role=status")
            self._accepted = ui.element("div").classes("boards-row").props("role=status")
            with ui.element("div").classes("boards-inbox-list") as self._rest:
                ui.label(texts("boards.sort_rest")).classes("quiet")
                self._sort = ui.button(texts("boards.sort"), icon="style", on_click=self._start).props("outline")
                command_line(texts, "graft sort inbox photos")
            self._job = ui.element("div").classes("boards-job")
            self._link = ui.element("div").classes("boards-row").props("role=status")
        self._rest.set_visibility(False)
        self._looks = Looks(texts, self._waiting, lambda: waiting(studio.project), self._show)
        self.count()

    def count(self) -> None:
        """Counts the pictures again, soon."""
        self._looks.ask()

    def show_jobs(self) -> None:
        """Shows the page for sorting while it is open."""
        job = self._studio.jobs.newest("sort")
        if job is None:
            return
        ended = job.state in ENDED
        if job.id != self._shown:
            self._shown, self._ended = job.id, ended
            self._job.clear()
            if not ended or job.error is not None:
                with self._job:
                    job_view(self._studio, self._texts, job.id)
        elif ended and not self._ended:
            self._ended = True
            if job.error is None:
                self._job.clear()
            self.count()
        self._sort.set_enabled(ended)
        self._show_link(job)

    def _show_link(self, job: Job) -> None:
        address = next((event.values["address"] for event in job.events if event.name == OPEN), None)
        self._link.clear()
        if address is not None and job.state not in ENDED:
            with self._link:
                ui.link(self._texts("boards.sort_open"), address, new_tab=True)
                ui.label(self._texts("boards.sort_end")).classes("quiet")

    async def _start(self) -> None:
        title = self._texts("boards.sort")
        await attempt(self._texts, lambda: self._studio.jobs.add("sort", {}, title))

    def _show(self, found: Waiting) -> None:
        texts = self._texts
        self._waiting.clear()
        self._rest.set_visibility(found.total > 0)
        with self._waiting:
            ui.label(texts("boards.waiting", count=found.total) if found.total else texts("boards.inbox_empty"))
            if found.said:
                ui.label(texts("boards.said_help")).classes("quiet")
            for label, count in sorted(found.said.items())[:_MOST_LABELS]:
                text = texts("boards.accept", count=count, label=printable(label))
                ui.button(text, icon="done_all", on_click=lambda label=label: self._accept(label)).props("outline")

    async def _accept(self, label: str) -> None:
        studio, texts = self._studio, self._texts
        applied = await attempt(texts, lambda: accept(studio.project, studio.cache, label))
        if applied is None:
            return
        self._accepted.clear()
        with self._accepted:
            ui.label(texts("boards.accepted", count=sum(applied.moved.values()), label=printable(label)))
            ui.button(texts("boards.accept_back"), icon="undo", on_click=self._accept_back).props("flat")
        self.count()

    async def _accept_back(self) -> None:
        studio = self._studio
        if await attempt(self._texts, lambda: accept_back(studio.project, studio.cache)) is not None:
            self._accepted.clear()
            self.count()
            show_done(self._texts("boards.accepted_back"))
