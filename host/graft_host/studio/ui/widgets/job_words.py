"""How far a job is, in words."""

from __future__ import annotations

import re

from graft_host.studio.jobs.job import Job, JobProgress
from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.texts.texts import Texts, catalogue
from graft_host.studio.ui.widgets.durations import duration

_TRIAL = re.compile(r"trial (\d+) of (\d+)")
_SLOW, _MEGA = 10, 1e6


def state_text(texts: Texts, jobs: Jobs, job: Job) -> str:
    """The state of a job; of a running one the stage."""
    if job.cancelling and job.state == "running":
        return texts("jobs.cancelling")
    if job.state == "queued":
        before = sum(1 for other in jobs.all() if other.lane == job.lane and other.id < job.id and _occupies(other))
        return texts("jobs.queued_behind", count=before) if before else texts("jobs.queued")
    if job.state == "running":
        return texts("jobs.starting") if job.progress is None else stage_text(texts, job.progress.stage)
    return texts(f"jobs.{job.state}")


def stage_text(texts: Texts, stage: str) -> str:
    """A stage in words; in those of the library where there are no others."""
    title, separator, name = stage.rpartition(": ")
    if trial := _TRIAL.fullmatch(name):
        text = texts("jobs.stage_trial", number=trial[1], total=trial[2])
    else:
        text = _known(texts, f"stage_{name.replace(' ', '_')}", name[:1].upper() + name[1:])
    return f"{title}{separator}{text}"


def step_text(texts: Texts, progress: JobProgress) -> str:
    """The steps, the rate and the time left; empty where nothing is counted."""
    if not progress.total:
        return ""
    in_bytes = progress.unit == "bytes"
    scale, unit = (_MEGA, "MB") if in_bytes else (1, _known(texts, f"unit_{progress.unit}", progress.unit))
    done, total = round(progress.done / scale), round(progress.total / scale)
    parts = [texts("jobs.step", done=done, total=total, unit=unit)]
    if progress.rate:
        rate = progress.rate / scale
        parts.append(texts("jobs.rate", rate=round(rate) if rate >= _SLOW else f"{rate:.1f}"))
    if progress.seconds_left and progress.seconds_left >= 1:
        parts.append(texts("jobs.left", time=duration(texts, progress.seconds_left)))
    return " · ".join(parts)


def time_text(texts: Texts, job: Job, now: float) -> str:
    """How long a job takes, or took; empty for one that has not begun.

    Args:
        texts: of the language.
        job: the job.
        now: in seconds since 1970.
    """
    if job.started is None:
        return ""
    if job.ended is None:
        return texts("jobs.since", time=duration(texts, now - job.started))
    return texts("jobs.took", time=duration(texts, job.ended - job.started))


def _occupies(job: Job) -> bool:
    return job.state in {"queued", "running"}


def _known(texts: Texts, name: str, otherwise: str) -> str:
    return texts(f"jobs.{name}") if name in catalogue()["jobs"] else otherwise
