"""Names for models that are free."""

from __future__ import annotations

import os
import re

from graft_device.errors import GraftError
from graft_host.studio.jobs.job import ENDED
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.train_options import model_of, report_of

_NUMBERED = re.compile(r"(.*\D)-\d{1,6}")
_USUAL = "model"


def is_taken(studio: Studio, name: str) -> bool:
    """Whether there is a model, a report, or a job for a model of this name; raises StudioError if it is no name."""
    output = model_of(name)
    if any(os.path.lexists(studio.project.inside(path)) for path in (output, report_of(output))):
        return True
    jobs = (job for job in studio.jobs.all() if job.state not in ENDED)
    return any(job.arguments.get("output") == output for job in jobs)


def free_name(studio: Studio, wanted: str = "") -> str:
    """A name that no model has: the wanted one, or one with a number.

    Args:
        studio: whose models and jobs are looked at.
        wanted: a name; that of the project if empty.
    """
    base = wanted or studio.project.root.name
    try:
        model_of(base)
    except GraftError:
        base = _USUAL
    numbered = _NUMBERED.fullmatch(base)
    stem, number, name = numbered[1] if numbered else base, 1, base
    while is_taken(studio, name):
        number += 1
        name = f"{stem}-{number}"
    return name
