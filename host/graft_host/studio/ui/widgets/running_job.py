"""Shows the newest job of a kind while it waits or runs, and when it has failed."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.jobs.job import ENDED
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.job_view import job_view


class RunningJob:
    """A place for the newest job of a kind.

    Attributes:
        element: the place.
        shown: the id of the job that is shown; None for none.
    """

    def __init__(self, studio: Studio, texts: Texts, kind: str) -> None:
        """Adds the place, which is empty as long as there is nothing to show.

        Args:
            studio: that has the jobs.
            texts: of the language.
            kind: of the jobs.
        """
        self.shown: str | None = None
        self._studio, self._texts, self._kind = studio, texts, kind
        self.element = ui.element("div")

    def update(self) -> bool:
        """Shows the job as it is now; returns whether another one may be started."""
        job = self._studio.jobs.newest(self._kind)
        ended = job is None or job.state in ENDED
        shown = job.id if job is not None and (not ended or job.state == "failed") else None
        if shown != self.shown:
            self.shown = shown
            self.element.clear()
            if shown is not None:
                with self.element:
                    job_view(self._studio, self._texts, shown)
        return ended
