"""``check``: looks for what is wrong with a folder of photos before a model is trained on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import DatasetError, WeightsError
from graft_device.runtime import threads_to_use
from graft_host.bottlenecks import Augmentation, Bottlenecks
from graft_host.dataset import Dataset, Photo, SplitRule, check_folder, scan, split
from graft_host.findings import Finding, counts
from graft_host.fingerprints import fingerprints
from graft_host.guards import check_cache
from graft_host.material import default_cache
from graft_host.mislabels import MislabelSearch, search_mislabels
from graft_host.near_duplicates import grouped
from graft_host.problems import find_problems
from graft_host.quantize import Backbone, BackboneSpec, quantized_backbone
from graft_host.reporter import Reporter
from graft_host.weights import WeightsSource, check_tap, find_weights, imagenet_path


@dataclass(frozen=True)
class CheckOptions:
    """Everything that ``graft check`` can be told; the defaults are those of ``graft train``."""

    photos: Path
    weights: str = "imagenet"
    tap: str = "mixed10"
    image_size: int = 299
    quantization: str = "int8"
    resize: str = "squash"
    rule: SplitRule = field(default_factory=SplitRule)
    threads: int | None = None
    cache: Path | None = None


@dataclass(frozen=True)
class CheckResult:
    """What was found.

    Attributes:
        dataset: the photos, grouped, and what could not be read.
        findings: what may be wrong, by kind.
        search: for mislabels.
    """

    dataset: Dataset
    findings: tuple[Finding, ...]
    search: MislabelSearch

    @property
    def notes(self) -> list[str]:
        """What a person should know beside the findings."""
        return [f"likely mislabels are not listed: {self.search.note}"] if self.search.note else []

    def to_json(self) -> dict[str, Any]:
        """What ``graft check --json`` prints."""
        numbers = Counter(photo.label for photo in self.dataset.photos)
        return {
            "photos": len(self.dataset.photos),
            "classes": {label: numbers[index] for index, label in enumerate(self.dataset.labels)},
            "counts": counts(self.findings),
            "held_out_accuracy": self.search.accuracy,
            "findings": [finding.to_json() for finding in self.findings],
            "notes": self.notes,
        }


def check(options: CheckOptions, reporter: Reporter) -> CheckResult:
    """Looks for all that ``find_problems`` knows; nothing but the cache is written.

    Raises:
        DatasetError: there is no such folder, or no class folder in it.
        WeightsError: the weights that were asked for cannot be used; where the default ones cannot be had, only the
            search for mislabels is left out.
        GraftError: the cache cannot be used, or the backbone cannot be converted.
    """
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    check_cache(cache)
    check_folder(options.photos)
    weights = _weights(options, reporter)
    scanned = scan(options.photos, threads, min_classes=1)
    with reporter.progress("comparing") as progress:
        prints = fingerprints(scanned.photos, cache, threads, progress)
    dataset = grouped(scanned.without(prints.failures), prints, threads)
    if isinstance(weights, str):
        search = MislabelSearch(note=weights)
    else:
        dataset, search = _searched(dataset, weights, options, cache, threads, reporter)
    return CheckResult(dataset, find_problems(dataset, options.image_size, search.mislabels), search)


def _weights(options: CheckOptions, reporter: Reporter) -> WeightsSource | str:
    """The weights, or why ImageNet's cannot be had."""
    if options.weights != "imagenet":
        weights = find_weights(options.weights, options.rule.seed)
    else:
        if not imagenet_path().is_file():
            reporter.note("downloading the ImageNet weights (88 MB, once)")
        try:
            weights = find_weights(options.weights, options.rule.seed)
        except WeightsError as error:
            return str(error)
    check_tap(weights, options.tap)
    return weights


def _searched(
    dataset: Dataset, weights: WeightsSource, options: CheckOptions, cache: Path, threads: int, reporter: Reporter
) -> tuple[Dataset, MislabelSearch]:
    """Looks for mislabels; the data set comes back without photos that failed meanwhile."""
    labels = np.array([photo.label for photo in dataset.photos], np.int64)
    if len(np.unique(labels)) < 2:  # noqa: PLR2004  classes to tell apart
        return dataset, MislabelSearch(note="that takes two classes")
    backbone = _backbone(dataset, weights, options, cache, threads, reporter)
    with Bottlenecks(backbone, cache) as bottlenecks:
        with reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(dataset.photos, (), Augmentation(), threads, progress)
        dataset = dataset.without(extraction.failures)
        features, labels = bottlenecks.matrix(dataset.photos)
    places = [photo.place for photo in dataset.photos]
    return dataset, search_mislabels(features, labels, places, len(dataset.labels), options.rule.seed)


def _backbone(
    dataset: Dataset, weights: WeightsSource, options: CheckOptions, cache: Path, threads: int, reporter: Reporter
) -> Backbone:
    """Quantized as training would, so that training finds it in the cache."""
    training: tuple[Photo, ...]
    try:
        training = split(dataset, options.rule).train
    except DatasetError:  # it can't be trained on as it is, but looked at
        training = tuple(photo for photo in dataset.photos if options.rule.part(photo.place) == "train")
    spec = BackboneSpec(weights, options.tap, options.image_size, options.quantization, options.resize)
    with reporter.progress("quantizing") as progress:
        return quantized_backbone(spec, training or dataset.photos, cache, threads, progress=progress)
