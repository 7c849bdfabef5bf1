"""Shows a job: its stage, how far it is, its notes, what went wrong, and a button that cancels it."""

from __future__ import annotations

import time

from nicegui import ui

from graft_host.studio.jobs.job import Job
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.job_words import state_text, step_text, time_text
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.problems import attempt

_FEW_NOTES = 3
_TICK_S = 1.0


def job_view(studio: Studio, texts: Texts, job_id: str) -> ui.element:
    """Adds a job, which is kept up to date; returns its element.

    Args:
        studio: that has the job.
        texts: of the language.
        job_id: of the job; one that is removed later is shown as gone.
    """
    view = _JobView(studio, texts, job_id)
    with view.element:
        on_change(studio.jobs.changed, view.update)
    view.update()
    return view.element


class _JobView:
    def __init__(self, studio: Studio, texts: Texts, job_id: str) -> None:
        self._studio, self._texts, self._job_id = studio, texts, job_id
        self._shown: Job | None = None
        self._notes: tuple[str, ...] = ()
        job = studio.jobs.get(job_id)
        title = "" if job is None else job.title
        self.element = ui.element("section").classes("job-view")
        self.element.props["aria-label"] = title
        with self.element:
            with ui.element("div").classes("job-head"):
                ui.label(title).classes("job-title")
                self._state = ui.label().classes("job-state").props("role=status aria-live=polite").mark("job-state")
                self._time = ui.label().classes("job-time quiet")
                self._cancel = ui.button(texts("shell.cancel"), on_click=self._cancel_job).props("flat dense")
                self._cancel.props["aria-label"] = texts("jobs.cancel", title=title)
            self._bar = ui.element("progress").classes("job-bar").props("max=1")
            self._steps = ui.label().classes("job-steps quiet")
            with ui.element("div").classes("job-error").props("role=alert") as self._error:
                self._what = ui.label().classes("job-what")
                self._remedy = ui.label()
            self._folder = ui.element("details").classes("job-notes")
            with self._folder:
                with ui.element("summary"):
                    self._count = ui.label()
                self._list = ui.element("ul")
            self._timer = ui.timer(_TICK_S, self._tick, active=False)

    def update(self) -> None:
        """Shows the job as it is now."""
        job = self._studio.jobs.get(self._job_id)
        if job is None or job is self._shown:
            if job is None:
                self._state.text = self._texts("jobs.gone")
                self._cancel.visible = self._bar.visible = self._timer.active = False
            elif job.state == "queued":
                self._state.text = state_text(self._texts, self._studio.jobs, job)
            return
        self._shown = job
        running = job.state == "running"
        self._state.text = state_text(self._texts, self._studio.jobs, job)
        self.element.props["data-state"] = job.state
        self._cancel.visible = running or job.state == "queued"
        self._cancel.enabled = not job.cancelling
        self._timer.active = running
        self._tick()
        self._show_progress(job)
        self._error.visible = job.error is not None
        if job.error is not None:
            self._what.text = job.error.what
            remedy = job.error.remedy
            self._remedy.text = self._texts("shell.what_to_do", remedy=remedy) if remedy else ""
        self._show_notes(job.notes)

    def _show_progress(self, job: Job) -> None:
        running, progress = job.state == "running", job.progress
        self._bar.visible = running
        self._bar.props["aria-label"] = self._state.text
        counted = progress is not None and progress.total > 0
        value = progress.done / progress.total if progress is not None and counted else None
        self._bar.props.set_optional("value", value)
        self._steps.text = step_text(self._texts, progress) if running and progress is not None else ""
        self._steps.visible = bool(self._steps.text)

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        self._folder.visible = bool(notes)
        if notes == self._notes:
            return
        if not self._notes and len(notes) <= _FEW_NOTES:
            self._folder.props["open"] = True
        elif len(notes) > _FEW_NOTES >= len(self._notes):
            self._folder.props.pop("open", None)
        kept = notes[: len(self._notes)] == self._notes
        if not kept:
            self._list.clear()
        with self._list:
            for note in notes[len(self._notes) if kept else 0 :]:
                with ui.element("li"):
                    ui.label(note)
        self._notes = notes
        self._count.text = self._texts("jobs.notes", count=len(notes))

    def _tick(self) -> None:
        if self._shown is not None:
            self._time.text = time_text(self._texts, self._shown, time.time())

    async def _cancel_job(self) -> None:
        self._cancel.enabled = False
        await attempt(self._texts, lambda: self._studio.jobs.cancel(self._job_id))
