"""Takes a network of a search: trains a model with it."""

from __future__ import annotations

import os
from typing import Any

from nicegui import ui

from graft_host.backbones.weights.find import RANDOM, VARIABLE
from graft_host.network_search.pareto import Candidate, Limits
from graft_host.studio.jobs.job import Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.train_options import model_of
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.fastest.words import lines
from graft_host.studio.ui.train.names import free_name
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import attempt


def train_arguments(search: Job, candidate: Candidate, output: str) -> dict[str, Any]:
    """The arguments of the training that makes a network of a search.

    Args:
        search: the search.
        candidate: the network.
        output: the file of the model, relative to the project's folder.
    """
    found = {
        "output": output,
        "backbone": candidate.backbone,
        "tap": candidate.tap,
        "image_size": candidate.image_size,
    }
    given = search.arguments.get("weights") or os.environ.get(VARIABLE)
    return {**found, "weights": RANDOM} if given == RANDOM else found


async def take(studio: Studio, texts: Texts, search: Job, candidate: Candidate) -> None:
    """Asks for the name of the model, queues its training, and opens the page that shows it."""
    name = await attempt(texts, lambda: free_name(studio))
    with ui.dialog(value=True) as dialog, ui.card().classes("fastest-take"):
        dialog.props["aria-label"] = texts("fastest.take_title")
        heading(2, texts("fastest.take_title"))
        for line in lines(texts, candidate, Limits(), front=False, chosen=False):
            ui.label(line)
        field = ui.input(texts("fastest.name"), value=name or "").props("outlined autofocus").mark("model-name")
        with ui.element("div").classes("fastest-buttons"):
            ui.button(texts("fastest.train"), on_click=lambda: dialog.submit("train")).mark("train-it")
            ui.button(texts("shell.cancel"), on_click=dialog.close).props("flat")
        field.on("keydown.enter", lambda: dialog.submit("train"))
    answer = await dialog
    dialog.delete()
    if answer != "train":
        return

    def add() -> Job:
        wanted = str(field.value or "")
        return studio.jobs.add("train", train_arguments(search, candidate, model_of(wanted)), wanted)

    if await attempt(texts, add) is not None:
        ui.navigate.to("/train")
