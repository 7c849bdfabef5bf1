"""What a head is made from: photos, their split, a quantized backbone, and its bottlenecks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import CacheError
from graft_device.runtime import threads_to_use
from graft_host.bottlenecks import Augmentation, Bottlenecks, Extraction
from graft_host.clock import Clock
from graft_host.dataset import Dataset, Photo, Skipped, Split, check_classes, check_folder, scan, split
from graft_host.fingerprints import fingerprints
from graft_host.guards import check_cache, check_strict
from graft_host.isolated import Progress
from graft_host.near_duplicates import grouped
from graft_host.options import HeadOptions
from graft_host.quantize import MAX_CALIBRATION_PHOTOS, Backbone, BackboneSpec, quantized_backbone
from graft_host.reporter import Reporter
from graft_host.weights import WeightsSource, check_tap, find_weights, imagenet_path

Part = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True)
class Material:
    """Everything before the head.

    Attributes:
        dataset: the photos that can be used and those that were skipped.
        split: which photo serves for what.
        backbone: quantized.
        extraction: cache hits and misses.
        train: bottlenecks ``[N,D]`` and labels ``[N]``, variants of the photos behind them.
        validation: likewise, no variants; also …
        test: … of the test photos.
        groups: rows of ``train`` with the same number show one photo or near duplicates of it, ``[N]``.
    """

    dataset: Dataset
    split: Split
    backbone: Backbone
    extraction: Extraction
    train: Part
    validation: Part
    test: Part
    groups: NDArray[np.int64]

    def without_variants(self) -> Part:
        """The bottlenecks and labels of the photos themselves, in the order of the split's parts."""
        own = len(self.split.train)
        parts = (self.train[0][:own], self.train[1][:own]), self.validation, self.test
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def gather(options: HeadOptions, reporter: Reporter, clock: Clock) -> Material:
    """Scans, splits, converts or finds the backbone, and extracts what is not cached.

    Raises:
        GraftError: anything that keeps a head from being trained; the cache keeps what was computed.
    """
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    check_cache(cache)
    check_folder(options.photos)
    weights = _weights(options, reporter)
    spec = BackboneSpec(weights, options.tap, options.image_size, options.quantization, options.resize)
    with clock.stage("scan"), reporter.progress("comparing") as progress:
        dataset = _scanned(options.photos, cache, threads, progress)
    _note_skipped(dataset.skipped, reporter)
    check_strict(dataset, strict=options.strict)
    check_classes(dataset)
    parts = split(dataset, options.rule)
    if not weights.pretrained:
        reporter.note("note: the backbone's weights are random, not pretrained: expect poor accuracy on real photos")
    with clock.stage("backbone"), reporter.progress("quantizing") as progress:
        backbone = quantized_backbone(spec, parts.train, cache, threads, options.recalibrate, progress)
    with Bottlenecks(backbone, cache) as bottlenecks:
        augmentation = Augmentation(options.augment, options.rule.seed)
        with clock.stage("bottlenecks"), reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(dataset.photos, parts.train, augmentation, threads, progress)
        whole, dataset = dataset, dataset.without(extraction.failures)
        _note_skipped(dataset.skipped[len(whole.skipped) :], reporter)
        check_strict(dataset, strict=options.strict)
        check_classes(dataset)
        parts = split(dataset, options.rule)
        _note_calibration(backbone, parts, reporter)
        return Material(
            dataset,
            parts,
            backbone,
            extraction,
            bottlenecks.matrix(parts.train, augmentation),
            bottlenecks.matrix(parts.validation),
            bottlenecks.matrix(parts.test),
            _groups(parts.train, options.augment),
        )


def _scanned(photos: Path, cache: Path, threads: int, progress: Progress) -> Dataset:
    """The photos that can be decoded, near duplicates grouped."""
    found = scan(photos, threads)
    prints = fingerprints(found.photos, cache, threads, progress)
    return grouped(found.without(prints.failures), prints, threads)


def default_cache() -> Path:
    """``$GRAFT_CACHE``, or ``graftkit`` in the user's cache folder."""
    if chosen := os.environ.get("GRAFT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  Path's own may raise
    if not Path(base).is_absolute():
        raise CacheError("there is no home folder to keep the cache in: name one with --cache DIR or $GRAFT_CACHE")
    return Path(base) / "graftkit"


def _weights(options: HeadOptions, reporter: Reporter) -> WeightsSource:
    if options.weights == "imagenet" and not imagenet_path().is_file():
        reporter.note("downloading the ImageNet weights (88 MB, once)")
    weights = find_weights(options.weights, options.rule.seed)
    check_tap(weights, options.tap)
    return weights


def _groups(photos: Sequence[Photo], variants: int) -> NDArray[np.int64]:
    """A number for each row of the training matrix: equal for copies, near duplicates and variants of one photo."""
    _, numbers = np.unique([photo.place for photo in photos], return_inverse=True)
    return np.tile(numbers.astype(np.int64), variants + 1)


def _note_skipped(skipped: Sequence[Skipped], reporter: Reporter) -> None:
    for skip in skipped:
        reporter.note(f"skipped {skip.path}: {skip.reason}")


def _note_calibration(backbone: Backbone, parts: Split, reporter: Reporter) -> None:
    possible = min(MAX_CALIBRATION_PHOTOS, len(parts.train))
    if backbone.reused and backbone.spec.quantization == "int8" and backbone.calibration_photos < possible / 2:
        reporter.note(
            f"note: the cached backbone was calibrated on {backbone.calibration_photos} photos; "
            f"--recalibrate would take {possible}"
        )
