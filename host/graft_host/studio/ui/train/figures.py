"""The figures of a training, read from the file of its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graft_host.studio.jobs.job import Job
from graft_host.studio.tasks.train_options import CHOICES, default
from graft_host.support.intervals import wilson_interval


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of a model.

    Attributes:
        accuracy: the best figure for new photos, from 0 to 1.
        low: lower end of its 95% interval.
        high: upper end of it.
        photos: the number of photos that it was measured on.
        cross_validated: whether those are all photos, each seen by a head that was not trained on it.
        tested: the number of test photos.
        confused: how many test photos of a class are taken for another one: truth, answer, count; the most first.
        size: of the file in bytes.
        ms: of one inference on this machine; None if it was not measured.
        counts: the number of photos by class.
        network: the layers that the head reads.
    """

    accuracy: float
    low: float
    high: float
    photos: int
    cross_validated: bool
    tested: int
    confused: tuple[tuple[str, str, int], ...]
    size: int
    ms: float | None
    counts: Mapping[str, int]
    network: str


@dataclass(frozen=True)
class Change:
    """What differs between two trainings.

    Attributes:
        name: of the option; empty for photos.
        before: its value in the earlier one.
        after: its value in the later one.
    """

    name: str
    before: Any
    after: Any


def figures_of(job: Job | None) -> Figures | None:
    """The figures of a job; None if it has none, or the file was changed by hand."""
    if job is None or job.result is None or not isinstance(job.arguments.get("output"), str):
        return None
    try:
        return _read(job.result)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None


def changed_options(before: Job, after: Job) -> list[Change]:
    """The options that differ between two trainings."""
    pairs = ((name, _option(before, name), _option(after, name)) for name in CHOICES)
    return [Change(name, one, other) for name, one, other in pairs if one != other]


def changed_photos(before: Figures | None, after: Figures | None) -> list[tuple[str, int]]:
    """The classes whose number of photos differs, with the number of photos that came, or went if below 0."""
    if before is None or after is None:
        return []
    labels = sorted({*before.counts, *after.counts})
    changes = ((label, after.counts.get(label, 0) - before.counts.get(label, 0)) for label in labels)
    return [(label, change) for label, change in changes if change]


def _option(job: Job, name: str) -> Any:
    value = job.arguments.get(name, default(name) if name != "backbone" else "inception-v3")
    return list(value) if isinstance(value, tuple) else value


def _read(result: Mapping[str, Any]) -> Figures:
    tested = int(result["tested"])
    headline = result["accuracy"].get("headline")
    if headline is None:
        shipped = float(result["accuracy"]["shipped"])
        low, high = wilson_interval(round(shipped * tested), tested)
        headline = {"figure": "shipped", "accuracy": shipped, "interval": [low, high], "photos": tested}
    low, high = map(float, headline["interval"])
    labels, confusion = result["labels"], result["confusion"]
    confused = [
        (str(labels[truth]), str(labels[named]), int(count))
        for truth, row in enumerate(confusion)
        for named, count in enumerate(row)
        if truth != named and count
    ]
    return Figures(
        accuracy=float(headline["accuracy"]),
        low=low,
        high=high,
        photos=int(headline["photos"]),
        cross_validated=headline["figure"] == "cross_validated",
        tested=tested,
        confused=tuple(sorted(confused, key=lambda entry: -entry[2])),
        size=int(result["bytes"]),
        ms=None if result.get("ms") is None else float(result["ms"]),
        counts={str(label): int(count) for label, count in result["counts"].items()},
        network=str(result["readout"]["chosen"]),
    )
