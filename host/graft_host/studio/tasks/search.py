"""Searches for the fastest network that is accurate enough, and shows each network as soon as it was tried."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graft_host.backbones.weights.find import VARIABLE
from graft_host.network_search.latency.latencies import board_figures
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.pareto import Candidate
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import PHOTOS, Project
from graft_host.studio.project.links import refuse_links_out
from graft_host.studio.tasks.flags import flags
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter
from graft_host.support.option import build, parameters

FOUND = "network"
"""The name of an event whose values are those of a ``Candidate``."""

_OURS = {"photos", "output", "report", "overwrite", "cache"}
"""Options that have one value in the studio."""

TAKEN = frozenset(parameter.name for parameter in parameters(SearchOptions)) - _OURS
"""The names of the arguments: those of the options of a search."""


def search_options(project: Project, arguments: Arguments, cache: Path | None) -> SearchOptions:
    """The options of a search in a project.

    Raises:
        OptionError: an argument has a value that it does not take.
        StudioError: there is no such argument, or a file of figures is outside the project.
    """
    if unknown := arguments.keys() - TAKEN:
        raise StudioError(f"a search takes no {', '.join(sorted(unknown))}", f"choose from {', '.join(sorted(TAKEN))}")
    given = {
        "weights": os.environ.get(VARIABLE) or "imagenet",
        **{name: value for name, value in arguments.items() if value is not None},
        "latency": [project.inside(path) for path in arguments.get("latency") or ()],
        "photos": project.photos,
        "cache": cache,
    }
    return build(SearchOptions, given)


def check(project: Project, arguments: Arguments) -> None:
    """Raises GraftError if a search does not take the arguments, or cannot use the figures of a board."""
    refuse_links_out(project, project.photos)
    options = search_options(project, arguments, None)
    board_figures(options.latency, [shape for grid in options.grids for shape in grid.shapes])


def command(arguments: Arguments) -> str:
    """The command that does the same."""
    return shlex.join(["graft", "search", PHOTOS, *flags(SearchOptions, arguments, _OURS)])


def run(project: Project, arguments: Arguments, cache: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    """Searches; where no network meets the limits, the result has all networks and no chosen one."""
    from graft_host.network_search.result import NothingFitsError
    from graft_host.network_search.search import search

    refuse_links_out(project, project.photos)

    def found(candidate: Candidate) -> None:
        reporter.event(FOUND, candidate.to_json())

    try:
        result = search(search_options(project, arguments, cache), reporter, found)
    except NothingFitsError as error:
        return {**error.result.to_json(), "untried": list(error.result.untried)}
    return {**result.to_json(), "untried": list(result.untried)}


TASK = Task(kind="search", lane="computing", check=check, command=command, run=run)
