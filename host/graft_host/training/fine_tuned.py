"""The step of ``train`` that fine-tunes: goes on with the tuned backbone where it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from graft_device.runtime import threads_to_use
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import jobs_for
from graft_host.fine_tuning.decision import Comparison, Trial, compare
from graft_host.fine_tuning.result import FineTuning
from graft_host.heads.finished import FinishedHead
from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import ORIGINAL, Rendition
from graft_host.support.cache import default_cache
from graft_host.support.clock import Clock
from graft_host.support.outside.packages import TENSORFLOW, check_packages
from graft_host.support.reporter import Reporter
from graft_host.training.material import Labelled, Material, NegativeRows, group_numbers
from graft_host.training.options import TrainOptions

if TYPE_CHECKING:
    from graft_host.fine_tuning.subject import Subject


def check_tensorflow(options: TrainOptions) -> None:
    """Raises ExportError if fine-tuning was asked for and TensorFlow is not installed."""
    if options.fine_tuning.fine_tune != "off":
        check_packages(TENSORFLOW, "fine-tuning")


def fine_tuned(
    material: Material,
    head: FinishedHead,
    options: TrainOptions,
    finish: Callable[[Material], FinishedHead],
    reporter: Reporter,
    clock: Clock,
) -> tuple[Material, FinishedHead, FineTuning | None]:
    """Fine-tunes the backbone of a material, if that was asked for and helps.

    Args:
        material: with the frozen backbone.
        head: the linear head on it.
        options: of the run.
        finish: trains and finishes a head on a material.
        reporter: receives progress and notes.
        clock: measures the stages.

    Returns:
        The material and head to go on with, the same ones where the tuned tail is not kept, and the result; None if it
        was not asked for.

    Raises:
        GraftError: TensorFlow failed, a photo can no longer be read, or the cache cannot be written.
    """
    if options.fine_tuning.fine_tune == "off":
        return material, head, None
    from graft_host.fine_tuning.fine_tune import fine_tune  # needs what writes networks

    with clock.stage("fine-tuning"):
        result, backbone = fine_tune(_subject(material, options), reporter)
        if backbone is None:
            return material, head, result
        parts, trained_on = material.split, _trained_on(material)
        wanted = jobs_for((material.dataset.everything, ORIGINAL), *trained_on)
        with (
            Bottlenecks(backbone, options.cache or default_cache()) as bottlenecks,
            reporter.progress("bottlenecks") as progress,
        ):
            bottlenecks.extract(wanted, threads_to_use(options.threads), progress)
            tuned = replace(
                material,
                backbone=backbone,
                train=_joined([bottlenecks.matrix(photos, shown) for photos, shown in trained_on if photos]),
                validation=bottlenecks.matrix(parts.validation),
                test=bottlenecks.matrix(parts.test),
                negatives=NegativeRows.of(parts.negatives, bottlenecks),
                fitted=True,
            )
        tuned_head = finish(tuned)
        result = result.checked(_validated((material, head), (tuned, tuned_head), options))
        return (tuned, tuned_head, result) if result.kept else (material, head, result)


def _validated(
    frozen: tuple[Material, FinishedHead], tuned: tuple[Material, FinishedHead], options: TrainOptions
) -> Comparison:
    """Both heads on the validation photos."""
    material = frozen[0]
    labels = material.validation[1]
    linear, logits = (head.unscaled_logits(own.validation[0]) for own, head in (frozen, tuned))
    groups, seed = group_numbers(material.split.validation), options.recipe.seed
    folds = np.zeros(len(labels), np.int64)
    return compare(Trial(linear=linear, tuned=logits, labels=labels, groups=groups, folds=folds, seed=seed))


def _trained_on(material: Material) -> list[tuple[Sequence[Photo], tuple[Rendition, ...]]]:
    """The photos whose renditions the rows of ``material.train`` show, in their order."""
    sources = () if material.source is None else material.source.sources.photos
    return [(material.split.train, material.shown.target), (sources, material.shown.source)]


def _joined(parts: Sequence[Labelled]) -> Labelled:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _subject(material: Material, options: TrainOptions) -> Subject:
    from graft_host.fine_tuning.subject import Subject

    parts = material.split
    return Subject(
        backbone=material.backbone,
        shown=[
            (photo, rendition) for photos, shown in _trained_on(material) for rendition in shown for photo in photos
        ],
        train=material.train,
        groups=material.groups,
        weights=material.weights,
        others=parts.validation,
        validation=material.validation,
        classes=len(material.dataset.labels),
        recipe=options.recipe,
        cache=options.cache or default_cache(),
        threads=threads_to_use(options.threads),
    )
