"""Figures and changes of trainings in words."""

from __future__ import annotations

from pathlib import PurePosixPath

from graft_host.studio.jobs.job import Job
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.fields import name_text, value_text
from graft_host.studio.ui.train.figures import Figures, changed_options, changed_photos, figures_of
from graft_host.studio.ui.widgets.durations import moment

_MEGA = 1e6
_QUICK_MS = 10


def name_of(job: Job) -> str:
    """The name of the model that a job makes."""
    return PurePosixPath(str(job.arguments.get("output", job.title))).stem


def accuracy_text(figures: Figures) -> str:
    """The accuracy, such as ``93.3%``."""
    return f"{figures.accuracy:.1%}"


def range_text(texts: Texts, figures: Figures) -> str:
    """The ends of the interval, such as ``84.1 to 97.4%``."""
    return texts("train.range", low=f"{100 * figures.low:.1f}", high=f"{100 * figures.high:.1f}")


def size_text(figures: Figures) -> str:
    """The size of the file, such as ``4.2 MB``."""
    return f"{figures.size / _MEGA:.1f} MB"


def ms_text(figures: Figures) -> str:
    """The time of an inference, such as ``2.3 ms``; a dash if it was not measured."""
    if figures.ms is None:
        return "-"
    return f"{figures.ms:.1f} ms" if figures.ms < _QUICK_MS else f"{figures.ms:.0f} ms"


def photos_text(texts: Texts, figures: Figures) -> str:
    """The number of all photos."""
    return texts("train.photos", count=sum(figures.counts.values()))


def when_text(job: Job) -> str:
    """When a job was queued, in local time."""
    return moment(job.created)


def changes(texts: Texts, before: Job | None, after: Job) -> list[str]:
    """What a training did otherwise than the one before it, a line each."""
    if before is None:
        return [texts("train.first_run")]
    lines = [
        texts(
            "train.changed",
            name=name_text(texts, change.name),
            before=value_text(texts, change.name, change.before),
            after=value_text(texts, change.name, change.after),
        )
        for change in changed_options(before, after)
    ]
    for label, count in changed_photos(figures_of(before), figures_of(after)):
        lines.append(texts("train.more_photos" if count > 0 else "train.fewer_photos", label=label, count=abs(count)))
    return lines or [texts("train.same")]
