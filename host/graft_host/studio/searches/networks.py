"""The networks that a search has found so far, or found in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from graft_device.errors import GraftError
from graft_host.network_search.pareto import Candidate, Limits, choose, front
from graft_host.studio.jobs.job import Job
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.search import FOUND, search_options

_FIELDS = {field.name: field.type for field in fields(Candidate)}


@dataclass(frozen=True)
class Progress:
    """How far a running search is.

    Attributes:
        networks: how many it tries.
        seconds_left: until its last network is known, if nothing is cached; None while that is unknown.
    """

    networks: int
    seconds_left: float | None


@dataclass(frozen=True)
class Networks:
    """What a page shows of a search.

    Attributes:
        candidates: fastest first.
        front: those that no other beats in accuracy, latency and size at once.
        chosen: the fastest that meets the limits; None if none does.
    """

    candidates: tuple[Candidate, ...]
    front: tuple[Candidate, ...]
    chosen: Candidate | None


def networks(job: Job, limits: Limits) -> Networks:
    """The networks of a search; those of its result once it is done."""
    rows: Iterable[Any] = ()
    if job.result is not None:
        rows = job.result.get("candidates") or ()
    else:
        rows = [event.values for event in job.events if event.name == FOUND]
    newest = {candidate.shape: candidate for candidate in map(_candidate, rows) if candidate is not None}
    candidates = tuple(sorted(newest.values(), key=lambda candidate: (candidate.ms, candidate.bytes)))
    return Networks(candidates, front(candidates), choose(candidates, limits))


def progress(project: Project, job: Job, found: Networks, now: float) -> Progress | None:
    """How far a running search is; None if its families are not installed any more.

    A network takes in practice a time in proportion to its side, because some work is constant.

    Args:
        project: of the search.
        job: the search.
        found: what it has found.
        now: in seconds since 1970.
    """
    try:
        grids = search_options(project, job.arguments, None).grids
    except GraftError:
        return None
    sides = [size for grid in grids for _, _, size in grid.shapes]
    done = sum(candidate.image_size for candidate in found.candidates)
    if not done or job.started is None:
        return Progress(len(sides), None)
    return Progress(len(sides), max(0.0, now - job.started) * max(0, sum(sides) - done) / done)


def _candidate(row: Any) -> Candidate | None:
    """A candidate from plain values; None if a file was damaged."""
    if not isinstance(row, Mapping) or not _FIELDS.keys() <= row.keys():
        return None
    values = {name: row[name] for name in _FIELDS}
    numbers = [values[name] for name in ("image_size", "accuracy", "standard_error", "ms", "bytes")]
    sound = all(isinstance(number, (int, float)) for number in numbers) and values["ms"] > 0
    return Candidate(**values) if sound and isinstance(values["tap"], str) else None
