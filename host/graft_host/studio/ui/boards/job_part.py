"""Shows the newest work for a board: how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nicegui import ui

from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.outcome import show_outcome
from graft_host.studio.ui.widgets.job_view import job_view

_KINDS = {"deploy", "way_back"}


def newest_of_boards(jobs: Sequence[Job]) -> Mapping[str, Job]:
    """The newest deployment or way back of each board, by its address.

    Args:
        jobs: all jobs, the newest first.
    """
    found: dict[str, Job] = {}
    for job in jobs:
        if job.kind in _KINDS:
            found.setdefault(str(job.arguments.get("board")), job)
    return found


class BoardJob:
    """The newest deployment or way back of a board."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        """Builds its place in the current element."""
        self._studio = studio
        self._texts = texts
        self._shown = ""
        self._ended = True
        self._place = ui.element("div").classes("boards-job")

    def show(self, job: Job | None) -> bool:
        """Shows the newest work as it is now, if there is any; returns whether it has ended since the last time."""
        if job is None:
            return False
        ended = job.state in ENDED
        if job.id != self._shown:
            self._shown, self._ended = job.id, ended
            self._place.clear()
            with self._place:
                job_view(self._studio, self._texts, job.id)
                self._outcome = ui.element("div").classes("boards-outcome").props("role=status")
            self._show_end(job)
            return False
        if ended and not self._ended:
            self._ended = True
            self._show_end(job)
            return True
        return False

    def _show_end(self, job: Job) -> None:
        self._outcome.clear()
        if job.state == "done" and job.result is not None:
            with self._outcome:
                show_outcome(self._texts, job)
