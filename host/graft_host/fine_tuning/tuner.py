"""Trains a tail in TensorFlow's process, from the solution of a linear head."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.fine_tuning.files import MEASURED, ROWS, START, TRAINED, Job, load, named_parameters
from graft_host.heads.head import Array, Head, Labels
from graft_host.networks.parameters import Parameters
from graft_host.support.outside.isolated import call_quietly
from graft_host.support.progress import Progress

_MODULE = "graft_host.fine_tuning.tail_training"
_FLOOR = 0.1  # of the mean variance, that is added to each number's variance before it divides


Measured = Callable[[float, float], None]
"""Called with the seconds that TensorFlow took to start, and those that a step takes."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is known of each row of the maps besides the map.

    Attributes:
        bottlenecks: of the frozen backbone, float32 ``[rows,D]``, those of the front first.
        labels: ``[rows]``.
        weights: in the loss, float64 ``[rows]``.
        photos: equal for rows that show the same photo, int64 ``[rows]``.
        early: how many numbers of a bottleneck come from the front.
    """

    bottlenecks: Array
    labels: Labels
    weights: NDArray[np.float64]
    photos: NDArray[np.int64]
    early: int


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A tail that was trained.

    Attributes:
        bottlenecks: of front and tail in float, float32 ``[rows,D]``.
        parameters: of the tail's convolutions; empty if they were not asked for.
        memory: the most that TensorFlow's process took, in bytes.
    """

    bottlenecks: Array
    parameters: dict[str, Parameters]
    memory: int


def tune(
    job: Job,
    rows: Rows,
    chosen: NDArray[np.int64],
    head: Head,
    progress: Progress,
    measured: Measured,
) -> Tuned:
    """Trains the tail on some rows.

    Args:
        job: the request; ``MAPS`` is in its folder.
        rows: all rows.
        chosen: the rows to train on, ``[N]``.
        head: trained on the bottlenecks of these rows.
        progress: called with (steps done, steps).
        measured: called before the training.

    Raises:
        GraftError: TensorFlow's process failed, or there is too little memory.
    """
    seen = rows.bottlenecks[chosen]
    mean, variance = seen.mean(axis=0, dtype=np.float64), seen.var(axis=0, dtype=np.float64)
    deviation = np.sqrt(variance + _FLOOR * variance.mean())
    np.savez(
        job.path / ROWS,
        early=rows.bottlenecks[:, : rows.early], labels=rows.labels, weights=rows.weights.astype(np.float32),
    )  # fmt: skip
    np.savez(
        job.path / START,
        rows=chosen, photos=rows.photos[chosen], mean=mean, deviation=deviation,
        kernel=head.kernel * deviation[:, np.newaxis], bias=head.bias + mean @ head.kernel,
    )  # fmt: skip
    start = time.monotonic()

    def report(done: int, total: int) -> None:
        if not done:
            measured(time.monotonic() - start, float((job.path / MEASURED).read_text()))
        progress(done, total)

    call_quietly(_MODULE, job.to_request(), report, gpu=True)
    arrays = load(job.path / TRAINED)
    early = rows.bottlenecks[:, : rows.early]
    return Tuned(
        bottlenecks=np.concatenate([early, arrays["bottlenecks"]], axis=1),
        parameters=named_parameters(arrays),
        memory=int(arrays["memory"]),
    )
