"""What a model of the project can be exported as, and which exports there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, os_reason
from graft_device.model import ModelFile, read_checked
from graft_device.system.durable import digest
from graft_host.export.format import Format, Source
from graft_host.export.registry import FORMATS
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.project.models import model_path
from graft_host.studio.tasks.export import download_of, output_of
from graft_host.support.outside.packages import check_packages


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One way to export a model.

    Attributes:
        arguments: of the task.
        problem: why it cannot be exported so; empty if it can.
        remedy: what to do about the problem.
        download: the file that there is already, relative to the project's folder; empty for none.
        outdated: whether the model was written after that file.
        next_steps: what to do with the export, as lines for a person; empty for nothing.
    """

    arguments: dict[str, Any]
    problem: str = ""
    remedy: str = ""
    download: str = ""
    outdated: bool = False
    next_steps: str = ""


def read_choice(project: Project, name: str) -> ModelFile:
    """A model of the project, with its digest; raises ModelError or StudioError if it cannot be used."""
    path = model_path(project, name)
    model = read_checked(path)
    try:
        return replace(model, digest=digest(path))
    except OSError as error:
        raise StudioError(f"cannot read {name}: {os_reason(error)}", "see who may read it") from error


def offer(project: Project, model: ModelFile, chosen: Format, *, float_network: bool = False) -> Offer:
    """What can be done in one format.

    Args:
        project: in which exports are.
        model: from ``read_choice``.
        chosen: the format.
        float_network: whether a float network is asked for, where the format offers it.
    """
    arguments: dict[str, Any] = {"model": f"{project.models.name}/{model.path.name}", "format": chosen.name}
    if float_network and chosen.takes_float:
        arguments["float_network"] = True
    source = Source(model=model, float_network=float_network)
    try:
        output, download = project.inside(output_of(arguments)), download_of(arguments)
        if chosen.packages is not None:
            check_packages(chosen.packages, f"exporting as {chosen.name}")
        chosen.check_name(output)
        chosen.check(source)
        made = project.inside(download)
    except GraftError as error:
        return Offer(arguments=arguments, problem=error.what, remedy=error.remedy)
    if not made.is_file():
        return Offer(arguments=arguments)
    outdated = _time(made) < _time(model.path)
    return Offer(
        arguments=arguments, download=download, outdated=outdated, next_steps=chosen.next_steps(source, output)
    )


def offers(project: Project, model: ModelFile, *, float_network: bool = False) -> dict[str, Offer]:
    """What can be done in each format, by its name."""
    return {name: offer(project, model, chosen, float_network=float_network) for name, chosen in FORMATS.items()}


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
