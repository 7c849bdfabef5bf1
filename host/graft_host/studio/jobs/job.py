"""A job: what it shall do, how far it is, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

ENDED: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})
"""The states that a job does not leave."""


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far a running job is.

    Attributes:
        stage: what it does now, in the words of the library.
        done: the number of finished steps of the stage.
        total: the number of all its steps; 0 if that is unknown.
        unit: what the steps are, such as ``photos``.
        rate: steps per second; None until there is one to give.
        seconds_left: of the stage; None while it is unknown.
    """

    stage: str
    done: int
    total: int
    unit: str = "photos"
    rate: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class JobEvent:
    """Something that a job found on its way, for a page that shows it before the result.

    Attributes:
        name: what it is, in the words of the task.
        values: plain values.
    """

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job failed.

    Attributes:
        what: what is wrong.
        remedy: what to do; empty if there is nothing to say.
        status: the exit status that the command would have: 1, or 3 for a failed gate.
    """

    what: str
    remedy: str
    status: int = 1


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it is now.

    Attributes:
        id: unique in the project; later jobs have greater ones.
        kind: the name of a task, such as ``train``.
        title: what a person calls it, such as the name of the model.
        arguments: of the task, as plain values. Paths are relative to the project's folder.
        command: the command line that does the same; empty if there is none.
        state: what has become of it.
        created: when it was queued, in seconds since 1970.
        started: when it began; None before that.
        ended: when it ended; None before that.
        progress: of a running job; None before its first stage.
        notes: the lines that the user should know, in order.
        events: what it found on its way, in order.
        result: of a job that is done, as plain values; None before that. A failed one may have figures here, such as
            those of a model that a gate refused.
        error: of a job that has failed.
        lane: the jobs of one lane run one after another.
        cancelling: whether a running job was asked to end.
    """

    id: str
    kind: str
    title: str
    arguments: Mapping[str, Any]
    command: str
    state: JobState
    created: float
    started: float | None = None
    ended: float | None = None
    progress: JobProgress | None = None
    notes: tuple[str, ...] = ()
    events: tuple[JobEvent, ...] = ()
    result: Mapping[str, Any] | None = None
    error: JobError | None = None
    lane: str = "computing"
    cancelling: bool = False
