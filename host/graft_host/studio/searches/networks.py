"""The networks that a search has found so far, or found in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from graft_host.network_search.pareto import Candidate, Limits, choose, front
from graft_host.studio.jobs.job import Job
from graft_host.studio.tasks.search import FOUND

_FIELDS = {field.name: field.type for field in fields(Candidate)}


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


def _candidate(row: Any) -> Candidate | None:
    """A candidate from plain values; None if a file was damaged."""
    if not isinstance(row, Mapping) or not _FIELDS.keys() <= row.keys():
        return None
    values = {name: row[name] for name in _FIELDS}
    numbers = [values[name] for name in ("image_size", "accuracy", "standard_error", "ms", "bytes")]
    sound = all(isinstance(number, (int, float)) for number in numbers) and values["ms"] > 0
    return Candidate(**values) if sound and isinstance(values["tap"], str) else None
