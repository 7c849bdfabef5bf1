"""Says what more photos would give, and what unknown objects like the known ones would be taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.runtime import threads_to_use
from graft_host.heads.finished import FinishedHead
from graft_host.heads.head import Array, Labels, train_head
from graft_host.heads.held_out import Rows
from graft_host.heads.negatives import Negatives
from graft_host.photos.dataset import Photo
from graft_host.prospects.learning_curve import LearningCurve, measure_learning_curve
from graft_host.prospects.options import ProspectOptions
from graft_host.prospects.strangers import Strangers, measure_strangers
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.training.estimate import held_out_rows
from graft_host.training.kept_results import KeptResults
from graft_host.training.material import Material
from graft_host.training.options import HeadOptions, TrainOptions

_FITTED = "the backbone was fitted to these photos"


@dataclass(frozen=True)
class Prospects:
    """What the photos promise.

    Attributes:
        strangers: the answers to each class that was left out; None if that was not asked for.
        curve: the learning curve; None if that was not asked for.
    """

    strangers: Strangers | None = None
    curve: LearningCurve | None = None

    def to_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """What ``--json`` prints: ``strangers`` and ``learning_curve``, where they were asked for."""
        figures = {}
        if self.strangers is not None:
            figures["strangers"] = self.strangers.to_json(labels)
        if self.curve is not None:
            figures["learning_curve"] = self.curve.to_json(labels)
        return figures


def model_prospects(
    frozen: tuple[Material, FinishedHead], options: TrainOptions, kept: KeptResults, reporter: Reporter, clock: Clock
) -> Prospects | None:
    """The prospects of a model, from the photos, bottlenecks and recipe of its head; None without a report.

    Args:
        frozen: material and head of the frozen backbone. A fine-tuned one was fitted to the photos that a head would
            have to be trained without.
        options: of the run.
        kept: results of earlier runs.
        reporter: receives progress.
        clock: measures the stages.
    """
    if options.report is None:
        return None
    material, head = frozen
    classes = len(material.dataset.labels)
    if material.fitted:
        return unmeasured(classes, ProspectOptions(strangers=True, learning_curve=True), _FITTED)
    rows, shift = held_out_rows(material), head.shift
    offset = None if shift is None else shift * head.temperature
    with clock.stage("strangers"), reporter.progress("leaving out classes"):
        strangers = _strangers(rows, classes, options, kept, head.head.penalty, shift, _negatives(material, rows))
    with clock.stage("learning curve"), reporter.progress("learning curve"):
        curve = _curve(rows, classes, options, kept, offset)
    return Prospects(strangers, curve)


def photo_prospects(
    rows: Rows,
    classes: int,
    options: HeadOptions,
    wanted: ProspectOptions,
    reporter: Reporter,
    *,
    fitted: bool,
    negatives: Negatives | None = None,
) -> Prospects:
    """The prospects of photos before a model is trained on them.

    Args:
        rows: all photos.
        classes: K.
        options: that the model's head will be trained with.
        wanted: what was asked for.
        reporter: receives progress.
        fitted: whether the backbone was fitted to some of the photos.
        negatives: photos of none of the classes, to learn from; None if there are none.
    """
    if fitted:
        return unmeasured(classes, wanted, _FITTED)
    kept, strangers, curve = KeptResults(options), None, None
    if wanted.strangers:
        with reporter.progress("leaving out classes"):
            strangers = _strangers(rows, classes, options, kept, _penalty(rows, classes, options), None, negatives)
    if wanted.learning_curve:
        with reporter.progress("learning curve"):
            curve = _curve(rows, classes, options, kept, None)
    return Prospects(strangers, curve)


def unmeasured(classes: int, wanted: ProspectOptions, reason: str) -> Prospects:
    """The reason in place of each answer that was asked for."""
    return Prospects(
        Strangers(of=classes, note=reason) if wanted.strangers else None,
        LearningCurve(classes=classes, note=reason) if wanted.learning_curve else None,
    )


def numbered(bottlenecks: Array, negatives: Sequence[Photo], photos: Sequence[Photo], groups: Labels) -> Negatives:
    """Negatives to learn from, with groups that are numbered like those of the photos of the classes.

    Args:
        bottlenecks: of the negatives, ``[M,D]``.
        negatives: photos of none of the classes, ``[M]``.
        photos: of the classes, ``[N]``.
        groups: of these, ``[N]``.
    """
    numbers = {photo.place: number for photo, number in zip(photos, groups.tolist(), strict=True)}
    first = int(groups.max(initial=-1)) + 1
    others = {photo.place for photo in negatives} - numbers.keys()
    numbers |= {place: first + number for number, place in enumerate(sorted(others))}
    return Negatives(bottlenecks, np.array([numbers[photo.place] for photo in negatives], np.int64))


def _negatives(material: Material, rows: Rows) -> Negatives | None:
    """The negatives of a model, with groups that are numbered like those of the rows."""
    parts = material.split
    if material.negatives is None or parts.negatives is None:
        return None
    photos = (*parts.train, *parts.validation, *parts.test)
    learned = (*parts.negatives.train, *parts.negatives.validation)
    return numbered(material.negatives.learned, learned, photos, rows.groups)


def _strangers(
    rows: Rows,
    classes: int,
    options: HeadOptions,
    kept: KeptResults,
    penalty: float | None,
    shift: NDArray[np.float64] | None,
    negatives: Negatives | None,
) -> Strangers:
    rate, threads = options.unknown_rate, threads_to_use(options.threads)
    return kept.strangers(
        (rows, classes, options.recipe, rate, penalty, shift, negatives),
        lambda: measure_strangers(rows, classes, options.recipe, rate, penalty, threads, shift, negatives),
    )


def _curve(
    rows: Rows, classes: int, options: HeadOptions, kept: KeptResults, offset: NDArray[np.float64] | None
) -> LearningCurve:
    threads = threads_to_use(options.threads)
    return kept.learning_curve(
        (rows, classes, options.recipe, offset),
        lambda: measure_learning_curve(rows, classes, options.recipe, threads, offset),
    )


def _penalty(rows: Rows, classes: int, options: HeadOptions) -> float | None:
    """The penalty that a head on all photos would have."""
    trains, validates = ~rows.validates, rows.validates
    return train_head(
        (rows.bottlenecks[trains], rows.labels[trains]), (rows.bottlenecks[validates], rows.labels[validates]), classes,
        options.recipe, rows.groups[trains], threads_to_use(options.threads),
    ).penalty  # fmt: skip
