"""The maps of one fine-tuning, and the trainings on them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.runtime import TensorSpec
from graft_device.system.plain import read_plain
from graft_host.backbones.bottlenecks.workers import OpenNetwork
from graft_host.backbones.in_tensorflow.weights_request import to_request
from graft_host.fine_tuning.files import MAPS, Job
from graft_host.fine_tuning.maps import write_maps
from graft_host.fine_tuning.plan import BATCH, HEAD_RATE, TAIL_RATE, Plan
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.tuner import Measured, Rows, Tuned, tune
from graft_host.heads.head import Head, train_head
from graft_host.networks.cuts.cutting import front
from graft_host.support.progress import Progress
from graft_host.support.scratch import write_scratch

_FRONT = "backbone.tflite"


@dataclass(frozen=True, kw_only=True)
class Session:
    """Maps on disk, and what trains on them.

    Attributes:
        subject: what is fine-tuned.
        plan: how.
        front: the network up to the cut.
        folder: a temporary folder with the maps of ``subject.all_shown``.
        tensor: of the maps.
        rows: what is known of each row of the maps.
        kept: the rows of ``subject.train`` that are the first rows of the maps, ``[N]``.
    """

    subject: Subject
    plan: Plan
    front: bytes
    folder: Path
    tensor: TensorSpec
    rows: Rows
    kept: NDArray[np.int64]

    @property
    def validation(self) -> NDArray[np.int64]:
        """The rows of the validation photos."""
        return np.arange(len(self.kept), len(self.rows.labels))

    def tuned_head(self, tuned: Tuned, chosen: NDArray[np.int64]) -> Head:
        """The head that ``graft train`` would train on the bottlenecks of a tail that was fitted to some rows."""
        subject, places = self.subject, self.kept[chosen]
        weights = None if subject.weights is None else subject.weights[places]
        bottlenecks, labels = tuned.bottlenecks, self.rows.labels
        return train_head(
            (bottlenecks[chosen], labels[chosen]), (bottlenecks[self.validation], labels[self.validation]),
            subject.classes, subject.recipe, subject.groups[places], subject.threads, fitted=True, weights=weights,
        )  # fmt: skip

    def train(
        self,
        chosen: NDArray[np.int64],
        head: Head,
        progress: Progress,
        measured: Measured,
        *,
        parameters: bool = False,
    ) -> tuple[Tuned, float]:
        """Trains a tail on some rows; returns it and the seconds that it took."""
        spec, plan = self.subject.backbone.spec, self.plan
        job = Job(
            folder=str(self.folder), weights=to_request(spec.weights), tap=spec.tap, image_size=spec.image_size,
            cut=plan.cut, scale=float(self.tensor.scale), zero_point=int(self.tensor.zero_point), epochs=plan.epochs,
            batch=BATCH, tail_rate=TAIL_RATE, head_rate=HEAD_RATE, seed=self.subject.recipe.seed,
            threads=self.subject.threads, parameters=parameters,
        )  # fmt: skip
        start = time.monotonic()
        return tune(job, self.rows, chosen, head, progress, measured), time.monotonic() - start


def open_session(subject: Subject, plan: Plan, folder: Path, progress: Progress) -> Session:
    """Computes the maps of a plan.

    Args:
        subject: what is fine-tuned.
        plan: how.
        folder: a temporary folder.
        progress: called with (photos done, photos).

    Raises:
        GraftError: a photo can no longer be read, the disk is full, or the backbone has no such layer.
    """
    backbone = subject.backbone
    path = folder / _FRONT
    data = front(read_plain(backbone.path), plan.cut, str(backbone.path))
    write_scratch(path, data)
    early = sum(int(output.shape[-1]) for output in OpenNetwork(path).outputs[1:])
    shown, kept = subject.all_shown(plan), subject.rows(plan)
    tensor = write_maps(path, backbone.spec, shown, folder / MAPS, subject.threads, progress)
    own, others = subject.train, subject.validation
    rows = Rows(
        bottlenecks=np.concatenate([own[0][kept], others[0]]),
        labels=np.concatenate([own[1][kept], others[1]]),
        weights=np.concatenate([subject.loss_weights[kept], np.zeros(len(others[1]))]),
        photos=np.concatenate([subject.photos[kept], np.full(len(others[1]), -1)]),
        early=early,
    )
    return Session(subject=subject, plan=plan, front=data, folder=folder, tensor=tensor, rows=rows, kept=kept)
