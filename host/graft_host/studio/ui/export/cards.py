"""A card for each way to use a model: what it is for, three lines on what to do, and the file."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from nicegui import ui

from graft_host.export.registry import FORMATS
from graft_host.studio.exports.offers import Offer
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.export import command
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.problems import attempt

LINES = 3
"""On what to do with a file."""


class FileCard:
    """A use of the model's own file."""

    def __init__(self, texts: Texts, name: str) -> None:
        """Adds the card; ``name`` is that of its texts."""
        self._texts = texts
        with _card(texts, name):
            self._link = ui.link(texts("export.download")).classes("export-download").mark(f"download-{name}")
        self._link.visible = False

    def show(self, model: str, *, usable: bool) -> None:
        """Offers the file of a model."""
        self._link.visible = usable
        _lead(self._texts, self._link, f"models/{model}")


class FormatCard:
    """A format of ``graft export``."""

    def __init__(self, studio: Studio, texts: Texts, name: str, changed: Callable[[], None]) -> None:
        """Adds the card.

        Args:
            studio: that exports.
            texts: of the language.
            name: of the format.
            changed: called when another kind of numbers was asked for.
        """
        self._studio, self._texts, self._name = studio, texts, name
        self._offer: Offer | None = None
        self._job = ""
        with _card(texts, name):
            self._problem = ui.element("div").classes("export-problem")
            with self._problem:
                self._what, self._remedy = ui.label(), ui.label().classes("quiet")
            self._float = ui.checkbox(texts("export.as_float"), on_change=changed)
            self._float.visible = FORMATS[name].takes_float
            with ui.element("div").classes("export-buttons"):
                self._link = ui.link(texts("export.download")).classes("export-download").mark(f"download-{name}")
                self._make = ui.button(texts("export.make"), on_click=self._start).mark(f"make-{name}")
            self._outdated = ui.label(texts("export.outdated")).classes("quiet")
            self._progress = ui.element("div")
            self._steps = ui.element("pre").classes("export-steps").props("tabindex=0")
            with self._steps:
                self._text = ui.label()
            with ui.element("div") as self._terminal:
                self._command = command_line(texts, "")
        self.show(None)

    @property
    def as_float(self) -> bool:
        """Whether a float network is wanted."""
        return bool(self._float.value)

    def show(self, offer: Offer | None) -> None:
        """Shows what can be done with a model; None while no model can be read."""
        self._offer, texts = offer, self._texts
        self._problem.visible = offer is not None and bool(offer.problem)
        self._make.visible = offer is not None and not offer.problem
        self._link.visible = offer is not None and bool(offer.download)
        self._terminal.visible = self._make.visible
        self._outdated.visible = offer is not None and offer.outdated
        self._steps.visible = offer is not None and bool(offer.next_steps)
        self._steps.props["aria-label"] = texts("export.steps")
        if offer is None:
            return
        self._what.text, self._remedy.text = offer.problem, texts("shell.what_to_do", remedy=offer.remedy)
        self._make.text = texts("export.replace" if offer.download else "export.make")
        self._make.props["aria-label"] = f"{self._make.text}: {texts(f'export.{self._name}')}"
        _lead(texts, self._link, offer.download)
        self._text.text = offer.next_steps
        self._command.text = command(self._arguments(offer))
        self.update()

    def update(self) -> None:
        """Shows the job of this export, unless it has ended well."""
        job = self._newest()
        shown = "" if job is None or job.state == "done" else job.id
        self._make.enabled = job is None or job.state in ENDED
        if shown != self._job:
            self._job = shown
            self._progress.clear()
            if shown:
                with self._progress:
                    job_view(self._studio, self._texts, shown)

    def _newest(self) -> Job | None:
        """The newest job that exports the same."""
        if self._offer is None:
            return None
        wanted = self._offer.arguments
        same = (job for job in self._studio.jobs.all() if job.kind == "export" and _same(job, wanted))
        return next(same, None)

    def _arguments(self, offer: Offer) -> dict[str, object]:
        return {**offer.arguments, "overwrite": True} if offer.download else offer.arguments

    async def _start(self) -> None:
        if self._offer is None:
            return
        arguments, title = self._arguments(self._offer), self._texts(f"export.{self._name}")
        await attempt(self._texts, lambda: self._studio.jobs.add("export", arguments, title))
        self.update()


def _card(texts: Texts, name: str) -> ui.element:
    """Begins a card with its title and its lines."""
    card = ui.element("section").classes("studio-card export-card")
    with card:
        with ui.element("h2").props(f"id=export-{name}"):
            ui.label(texts(f"export.{name}"))
        with ui.element("ul"):
            for line in range(1, LINES + 1):
                with ui.element("li"):
                    ui.label(texts(f"export.{name}_{line}"))
    card.props(f"aria-labelledby=export-{name}")
    return card


def _lead(texts: Texts, link: ui.link, path: str) -> None:
    """Has a link lead to a file of the project."""
    name = path.rpartition("/")[2]
    link.props["href"] = f"/{quote(path)}"
    link.props["download"] = name
    link.text = texts("export.download_named", name=name)


def _same(job: Job, wanted: dict[str, object]) -> bool:
    values = {name: value for name, value in job.arguments.items() if name != "overwrite"}
    return values == wanted
