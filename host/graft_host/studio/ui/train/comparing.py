"""Compares two models that a person chose in the history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from nicegui import ui

from graft_host.studio.jobs.job import Job
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.media import thumbnail_address
from graft_host.studio.ui.widgets.problems import attempt

KIND = "compare"


class Comparing:
    """The place below the history where a comparison appears."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio, self._texts = studio, texts
        self._job = studio.jobs.newest(KIND)
        self._shown: tuple[str, bool] | None = None
        self._place = ui.element("div")
        on_change(studio.jobs.changed, self._update)
        self._update()

    async def start(self, older: str, newer: str) -> None:
        """Compares two models, given by their files."""
        arguments = {"model": newer, "against": older}
        title = f"{_name(newer)} - {_name(older)}"
        job = await attempt(self._texts, lambda: self._studio.jobs.add(KIND, arguments, title))
        if job is not None:
            self._job = job
            self._update()

    def _update(self) -> None:
        job = None if self._job is None else self._studio.jobs.get(self._job.id)
        if job is None:
            self._place.clear()
            self._shown = None
            return
        done = job.state == "done"
        if self._shown == (job.id, done):
            return
        self._shown = (job.id, done)
        self._place.clear()
        with self._place:
            if done:
                try:
                    self._result(job)
                except (KeyError, TypeError, ValueError):  # the file of the job was changed by hand
                    self._place.clear()
            else:
                job_view(self._studio, self._texts, job.id)

    def _result(self, job: Job) -> None:
        texts, result = self._texts, dict(job.result or {})
        with ui.element("section").classes("studio-card train-compared") as card:
            card.props["aria-labelledby"] = "train-compared"
            with ui.element("h2").props("id=train-compared"):
                ui.label(texts("train.compared", new=_name(result["new"]), old=_name(result["old"])))
            photos = int(result["photos"])
            ui.label(texts("train.compared_on" if result["unseen"] else "train.compared_maybe_seen", count=photos))
            with ui.element("dl").classes("train-facts"):
                for part in ("new", "old"):
                    with ui.element("div"):
                        with ui.element("dt").classes("quiet"):
                            ui.label(_name(result[part]))
                        with ui.element("dd"):
                            ui.label(_accuracy(texts, result["accuracy"][part]))
            worse = result["worse"]
            text = texts("train.is_worse") if worse else texts("train.is_not_worse")
            ui.label(text).classes("train-verdict")
            for reason in worse:
                ui.label(str(reason)).classes("quiet")
            for part in ("better", "worse"):
                self._photos(
                    f"train.photos_{part}",
                    result["only_new" if part == "better" else "only_old"],
                    result[f"photos_{part}"],
                )
            command_line(texts, job.command)

    def _photos(self, key: str, count: int, photos: list[Mapping[str, Any]]) -> None:
        if not count:
            return
        heading(3, self._texts(key, count=count))
        with ui.element("ul").classes("train-thumbnails"):
            for photo in photos:
                with ui.element("li"):
                    image = ui.element("img").props("loading=lazy")
                    path = str(photo["path"])
                    image.props.update({"src": thumbnail_address(path), "alt": path})
                    answers = {"truth": photo["truth"], "old": photo["old"]["label"], "new": photo["new"]["label"]}
                    ui.label(self._texts("train.answers", **answers))


def _name(path: object) -> str:
    return PurePosixPath(str(path)).stem


def _accuracy(texts: Texts, figures: Mapping[str, Any]) -> str:
    low, high = figures["interval"]
    share = figures["accuracy"]
    shown = "-" if share is None else f"{share:.1%}"
    return f"{shown} ({texts('train.range', low=f'{100 * low:.1f}', high=f'{100 * high:.1f}')})"
