"""The result of the newest training: what the model can do, and what to do with it."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from urllib.parse import quote

from nicegui import ui

from graft_host.studio.jobs.job import Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.train_options import report_of
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.figures import Figures, figures_of
from graft_host.studio.ui.train.words import accuracy_text, ms_text, name_of, photos_text, range_text, size_text

_MOST_CONFUSED = 3


def result_card(studio: Studio, texts: Texts, job: Job) -> None:
    """Adds the result of a training that is done, or that a gate refused."""
    figures = figures_of(job)
    if figures is None:
        return
    refused = job.error is not None
    with ui.element("section").classes("studio-card train-result") as card:
        card.props["aria-labelledby"] = f"result-{job.id}"
        with ui.element("h2").props(f"id=result-{job.id}"):
            ui.label(texts("train.refused" if refused else "train.ready", name=name_of(job)))
        if job.error is not None:
            ui.label(job.error.what).classes("train-refusal")
        _headline(texts, figures)
        _facts(texts, figures)
        _confusions(texts, figures)
        if not refused:
            _links(texts, job)
        _report(studio, texts, job)


def _headline(texts: Texts, figures: Figures) -> None:
    with ui.element("div").classes("train-headline"):
        ui.label(accuracy_text(figures)).classes("train-accuracy").mark("accuracy")
        with ui.element("div"):
            ui.label(texts("train.right", range=range_text(texts, figures)))
            kind = "train.cross_validated" if figures.cross_validated else "train.tested"
            ui.label(texts(kind, count=figures.photos)).classes("quiet")


def _facts(texts: Texts, figures: Figures) -> None:
    facts = (
        ("size", size_text(figures)),
        ("speed", ms_text(figures)),
        ("learned_from", photos_text(texts, figures)),
        ("read", figures.network),
    )
    with ui.element("dl").classes("train-facts"):
        for key, value in facts:
            with ui.element("div"):
                with ui.element("dt").classes("quiet"):
                    ui.label(texts(f"train.fact_{key}"))
                with ui.element("dd"):
                    ui.label(value)


def _confusions(texts: Texts, figures: Figures) -> None:
    if not figures.confused:
        ui.label(texts("train.confuses_nothing", count=figures.tested))
        return
    ui.label(texts("train.confuses", count=figures.tested))
    with ui.element("ul").classes("train-list"):
        for truth, named, count in figures.confused[:_MOST_CONFUSED]:
            with ui.element("li"):
                ui.label(texts("train.confused", truth=truth, named=named, count=count))
        if (more := len(figures.confused) - _MOST_CONFUSED) > 0:
            with ui.element("li"):
                ui.label(texts("train.confused_more", count=more))


def _links(texts: Texts, job: Job) -> None:
    output = str(job.arguments["output"])
    file, name = quote(output), PurePosixPath(output).name
    with ui.element("div").classes("train-links"):
        for key, address in (
            ("try_it", f"/try?model={quote(name, safe='')}"),
            ("to_board", f"/boards?model={quote(output, safe='')}"),
        ):
            ui.link(texts(f"train.{key}"), address).classes("train-link")
        link = ui.link(texts("train.download"), f"/{file}").classes("train-link")
        link.props["download"] = name_of(job) + ".tflite"


def _report(studio: Studio, texts: Texts, job: Job) -> None:
    report = report_of(str(job.arguments["output"]))
    if not os.path.lexists(studio.project.root / report):
        return
    with ui.element("details").classes("train-report") as folder:
        with ui.element("summary"):
            ui.label(texts("train.report"))
        place = ui.element("div")

    def show() -> None:
        if not place.default_slot.children:
            with place:
                frame = ui.element("iframe").classes("train-frame")
                frame.props.update(
                    {
                        "src": f"/{quote(report)}",
                        "title": texts("train.report_of", name=name_of(job)),
                        "sandbox": "allow-popups",
                    }
                )
                link = ui.link(texts("train.report_alone"), f"/{quote(report)}", new_tab=True)
                link.props["rel"] = "noopener"

    folder.on("toggle", show)
