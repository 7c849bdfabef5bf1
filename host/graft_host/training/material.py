"""What a head is made from: photos, their split, a quantized backbone, and its bottlenecks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import jobs_for
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.family import WeightsSource
from graft_host.heads.readouts import Readout
from graft_host.heads.softmax_regression import load_ahead
from graft_host.photos.dataset import Dataset, Photo, check_classes
from graft_host.photos.renditions import ORIGINAL
from graft_host.photos.split import Split, split
from graft_host.samples.copies import Copies
from graft_host.samples.rows import SourceRows, join_rows
from graft_host.samples.sources import Sources, check_labels
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.training.guards import check_strict
from graft_host.training.options import HeadOptions
from graft_host.training.shown import Shown, renditions_shown
from graft_host.training.survey import Survey, backbone_spec, note_sources, note_unreadable, survey

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Bottlenecks ``[N,D]`` and their labels ``[N]``."""


@dataclass(frozen=True)
class NegativeRows:
    """Bottlenecks of photos that are of none of the classes.

    Attributes:
        learned: of the training photos and then of the validation photos, which are learned from, float32 ``[M,D]``.
        test: of the test photos, ``[T,D]``.
    """

    learned: NDArray[np.float32]
    test: NDArray[np.float32]

    @classmethod
    def of(cls, negatives: Split | None, bottlenecks: Bottlenecks) -> NegativeRows | None:
        """The rows of the photos in a split; None without photos."""
        if negatives is None:
            return None
        learned = (*negatives.train, *negatives.validation)
        return cls(bottlenecks.matrix(learned)[0], bottlenecks.matrix(negatives.test)[0])


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything before the head.

    Attributes:
        dataset: the photos that can be used and those that were skipped.
        split: which photos train, validate and test.
        backbone: the quantized backbone.
        extraction: how many bottlenecks were in the cache and how many were computed.
        train: bottlenecks and labels of the training photos, followed by those of their variants.
        validation: bottlenecks and labels of the validation photos.
        test: bottlenecks and labels of the test photos.
        groups: rows of ``train`` with the same number show one photo or near duplicates of it, ``[N]``. Rows with a
            negative number only train: no fold holds them out.
        fitted: whether the backbone was fitted to training photos, as a fine-tuned one is and a frozen one is not.
            Their bottlenecks are then easier to separate than those of new photos, so that temperature, unknown
            threshold, novelty and mislabels may only come from photos that were held out.
        weights: of the rows of ``train`` in the loss, float64 ``[N]``; None if all count the same.
        source: the photos of other domains, whose rows follow those of the target in ``train``; None if there are none.
        copies: the copies of the training photos, whose rows follow those of the photos and their variants.
        shown: the renditions that the rows of ``train`` show.
        readout: what the head reads, and what that was chosen from; None if nothing was to be chosen.
        negatives: photos that are of none of the classes; None if there are none.
    """

    dataset: Dataset
    split: Split
    backbone: Backbone
    extraction: Extraction
    train: Labelled
    validation: Labelled
    test: Labelled
    groups: NDArray[np.int64]
    fitted: bool
    weights: NDArray[np.float64] | None = None
    source: SourceRows | None = None
    copies: Copies = field(default_factory=Copies)
    shown: Shown = field(default_factory=lambda: Shown(ORIGINAL, ()))
    readout: Readout | None = None
    negatives: NegativeRows | None = None

    def without_variants(self) -> Labelled:
        """The bottlenecks and labels of the photos themselves, in the order of the split's parts."""
        own = len(self.split.train)
        parts = (self.train[0][:own], self.train[1][:own]), self.validation, self.test
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def gather(options: HeadOptions, reporter: Reporter, clock: Clock) -> Material:
    """Scans, splits, converts or finds the backbone, and extracts what is not cached.

    Raises:
        GraftError: anything that keeps a head from being trained; the cache keeps what was computed.
    """
    return gathered(survey(options, reporter, clock), options, reporter, clock)


def gathered(found: Survey, options: HeadOptions, reporter: Reporter, clock: Clock) -> Material:
    """Converts or finds the backbone, and extracts what is not cached; see ``gather``.

    Args:
        found: the photos and weights.
        options: the options that ``found`` was surveyed with; their quantization may differ.
        reporter: receives progress and notes.
        clock: measures the stages.
    """
    threads, cache, dataset, parts = found.threads, found.cache, found.dataset, found.split
    backbone = converted(found, parts, options, reporter, clock)
    with Bottlenecks(backbone, cache) as bottlenecks:
        sources = found.sources
        shown = renditions_shown(options, parts.train, sources.photos, threads, reporter, clock)
        wanted = jobs_for((dataset.everything, ORIGINAL), (parts.train, shown.target), (sources.photos, shown.source))
        with clock.stage("bottlenecks"), reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(wanted, threads, progress)
        whole, dataset = dataset, dataset.without(extraction.failures)
        note_unreadable(dataset.skipped[len(whole.skipped) :], options.check_command, reporter)
        check_strict(dataset.skipped, strict=options.strict)
        check_classes(dataset)
        parts = split(dataset, options.rule)
        note_calibration(backbone, parts, reporter)
        material = Material(
            dataset=dataset,
            split=parts,
            backbone=backbone,
            extraction=extraction,
            train=bottlenecks.matrix(parts.train, shown.target),
            validation=bottlenecks.matrix(parts.validation),
            test=bottlenecks.matrix(parts.test),
            groups=np.tile(group_numbers(parts.train), len(shown.target)),
            fitted=bool(fitted_photos(found.weights, parts.train).any()),
            copies=Copies() if options.samples.source else options.samples.copies,
            negatives=NegativeRows.of(parts.negatives, bottlenecks),
        )
        if not sources.photos:
            return material
        sources = _without(sources, extraction.failures, options, reporter)
        check_labels(dataset, sources)
        return _with_sources(material, sources, bottlenecks.matrix(sources.photos, shown.source), options, threads)


def _without(sources: Sources, failures: Mapping[str, str], options: HeadOptions, reporter: Reporter) -> Sources:
    """Leaves out the photos that cannot be decoded, with a note."""
    left = sources.without(failures)
    newly = [
        replace(after, skipped=after.skipped[len(before.skipped) :], other_classes={}, duplicates=())
        for before, after in zip(sources.folders, left.folders, strict=True)
    ]
    note_sources(Sources(tuple(newly)), reporter, strict=options.strict)
    return left


def _with_sources(
    material: Material, sources: Sources, rows: Labelled, options: HeadOptions, threads: int
) -> Material:  # fmt: skip
    """Adds the rows of sources to what is trained on."""
    joined = join_rows(
        material.train, material.groups, rows, sources, options.samples, options.rule.seed, threads,
        target_rows=options.augment + 1,
    )  # fmt: skip
    return replace(
        material, train=joined.train, groups=joined.groups, weights=joined.weights, source=joined.source
    )  # fmt: skip


def converted(found: Survey, parts: Split, options: HeadOptions, reporter: Reporter, clock: Clock) -> Backbone:
    """Converts the backbone, or takes it from the cache.

    Args:
        found: the weights.
        parts: the split whose training photos it is calibrated on.
        options: with tap, image size and quantization.
        reporter: receives progress.
        clock: measures the stage.

    Raises:
        GraftError: the backbone cannot be converted, or the cache cannot be used.
    """
    spec = backbone_spec(found.weights, options)
    with clock.stage("backbone"), reporter.progress("quantizing") as progress:

        def measured(done: int, total: int) -> None:
            progress(done, total)
            if done == total:  # the head needs it next, and loading it would take one core then
                load_ahead()

        training = [*parts.train, *found.sources.calibrating]
        return make_backbone(spec, training, found.cache, found.threads, options.recalibrate, measured)


def fitted_photos(weights: WeightsSource, photos: Sequence[Photo]) -> NDArray[np.bool_]:
    """Which of the photos the weights were fitted to, ``[N]``."""
    return np.array([photo.digest in weights.fitted_to for photo in photos], bool)


def group_numbers(photos: Sequence[Photo]) -> NDArray[np.int64]:
    """A number for each photo, ``[N]``: equal for copies and near duplicates."""
    _, numbers = np.unique([photo.place for photo in photos], return_inverse=True)
    return numbers.astype(np.int64)


def note_calibration(backbone: Backbone, parts: Split, reporter: Reporter, where: str = "") -> None:
    """Notes a cached backbone of an earlier graftkit, or one calibrated on far fewer photos than a new one would be.

    Args:
        backbone: the backbone in use.
        parts: the split of the photos that it is used for.
        reporter: receives the note.
        where: text before the note, such as ``"at 150, "``.
    """
    possible = min(MAX_CALIBRATION_PHOTOS, len(parts.train))
    if backbone.former:
        reporter.note(
            "note: the quantized backbone in the cache is of an earlier graftkit; --recalibrate would make a faster one"
        )
    elif backbone.reused and backbone.spec.quantization == "int8" and backbone.calibration_photos < possible / 2:
        reporter.note(
            f"note: {where}the cached backbone was calibrated on {backbone.calibration_photos} photos; "
            f"--recalibrate would take {possible}"
        )
