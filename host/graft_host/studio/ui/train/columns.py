"""The columns of the table of earlier trainings, and which training came before which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graft_host.studio.jobs.job import Job
from graft_host.studio.ui.train.figures import Figures
from graft_host.studio.ui.train.words import name_of


@dataclass(frozen=True)
class Column:
    """A column by which the table can be sorted.

    Attributes:
        key: of its heading.
        value: what a training is sorted by; -1 where it gave no figures.
    """

    key: str
    value: Callable[[Job, Figures | None], float | str]


COLUMNS = (
    Column("when", lambda job, _: job.created),
    Column("model", lambda job, _: name_of(job).lower()),
    Column("accuracy", lambda _, figures: -1.0 if figures is None else figures.accuracy),
    Column("size", lambda _, figures: -1.0 if figures is None else float(figures.size)),
    Column("speed", lambda _, figures: -1.0 if figures is None or figures.ms is None else figures.ms),
    Column("photos", lambda _, figures: -1.0 if figures is None else float(sum(figures.counts.values()))),
)


def earlier(jobs: Sequence[Job]) -> dict[str, Job]:
    """The training that was done before each, by the id of the later one."""
    found: dict[str, Job] = {}
    last: Job | None = None
    for job in sorted(jobs, key=lambda job: job.id):
        if last is not None:
            found[job.id] = last
        last = job if job.state == "done" else last
    return found
