"""Trains a model on the photos of the project, with a report beside it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.project.links import refuse_links_out
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter, WithFiguresError
from graft_host.studio.tasks.train_options import command, options, report_of

if TYPE_CHECKING:
    from graft_host.training.options import TrainOptions
    from graft_host.training.result import TrainResult


def _check(project: Project, arguments: Arguments) -> None:
    _refuse_links(project, options(project, arguments))
    for path in (arguments["output"], report_of(arguments["output"])):
        if not arguments.get("overwrite") and os.path.lexists(project.inside(path)):
            raise StudioError(f"there is a file {path} already", "give the model another name")


def _run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    from dataclasses import replace

    from graft_host.training.delivery import RejectedError, UnreportedError
    from graft_host.training.pipeline import train

    # What a run that was killed at its end has written is written again.
    chosen = replace(options(project, arguments), cache=cache, overwrite=True)
    _refuse_links(project, chosen)
    try:
        result = train(chosen, reporter)
    except UnreportedError as error:
        reporter.note(f"warning: {error}")
        result = error.result
    except RejectedError as error:
        raise WithFiguresError(
            error.what, error.remedy, status=error.exit_status, figures=_figures(error.result)
        ) from error
    return {**_figures(result), **_speed(chosen.output, reporter)}


def _refuse_links(project: Project, chosen: TrainOptions) -> None:
    """Raises StudioError if photos that it would read are outside the project."""
    given = chosen.samples
    refuse_links_out(project, chosen.photos, *given.source, *([] if given.match is None else [given.match]))


def _figures(result: TrainResult) -> dict[str, Any]:
    """The figures that ``graft train --json`` prints, and the number of photos of each class."""
    figures = result.to_json()
    dataset = result.material.dataset
    counts = Counter(dataset.name_of(photo.label) for photo in dataset.everything)
    figures["skipped"] = len(figures["skipped"])
    return {**figures, "counts": dict(counts), "tested": len(result.evaluation.truth)}


def _speed(model: Path, reporter: TaskReporter) -> dict[str, Any]:
    from graft_host.evaluation.speed import measure_speed

    with reporter.progress("timing", "inferences"):
        try:
            return {"ms": round(measure_speed(model).ms, 3)}
        except GraftError as error:
            reporter.note(f"the speed was not measured: {error}")
            return {}


TASK = Task(kind="train", lane="computing", check=_check, command=command, run=_run)
