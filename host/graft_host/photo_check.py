"""``check``: searches a folder of photos for problems before a model is trained on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import WeightsError
from graft_device.runtime import threads_to_use
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.weights.find import named_weights
from graft_host.heads.held_out import Rows
from graft_host.heads.mislabels import MislabelSearch, search_mislabels
from graft_host.photos.dataset import Dataset, check_folder, scan
from graft_host.photos.findings import KINDS, Finding, counts
from graft_host.photos.given.listing import find_layouts
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.problems import find_problems
from graft_host.photos.split import parted
from graft_host.photos.split_text import split_text
from graft_host.support.cache import default_cache
from graft_host.support.notebook import html_line, html_table
from graft_host.support.reporter import Reporter
from graft_host.training.guards import check_cache
from graft_host.training.material import fitted_photos, group_numbers
from graft_host.training.options import CheckOptions, HeadOptions
from graft_host.training.prospects import Prospects, numbered, photo_prospects, unmeasured
from graft_host.training.survey import backbone_spec, chosen_weights

_MAX_SHOWN = 50  # findings in a notebook


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        dataset: the photos, with their groups of near duplicates, and the files that could not be read.
        findings: the problems, in the order of ``KINDS``.
        search: the result of the search for mislabels.
        split: a sentence about the folders that give the split; None if it is drawn.
        prospects: what the photos promise, as far as that was asked for and could be computed.
    """

    dataset: Dataset
    findings: tuple[Finding, ...]
    search: MislabelSearch
    split: str | None = None
    prospects: Prospects = field(default_factory=Prospects)

    @property
    def notes(self) -> list[str]:
        """What the user should know besides the findings."""
        lines = [] if self.split is None else [self.split]
        if self.search.note:
            lines.append(f"likely mislabels are not listed: {self.search.note}")
        elif self.search.left_out:
            left_out = f"{self.search.left_out} photos were not searched for mislabels"
            lines.append(f"{left_out}: the backbone was fitted to them")
        return lines

    def _repr_html_(self) -> str:
        """The findings as a notebook shows them."""
        problems = [KINDS[kind].counted(count) for kind, count in counts(self.findings).items() if count]
        shown = html_line(f"{len(self.dataset.photos):,} photos: {', '.join(problems) or 'no problem found'}")
        if self.findings:
            rows = [
                [KINDS[finding.kind].singular, ", ".join(map(str, finding.paths)), finding.problem, finding.advice]
                for finding in self.findings[:_MAX_SHOWN]
            ]
            shown += html_table(["finding", "files", "problem", "advice"], rows)
        if len(self.findings) > _MAX_SHOWN:
            shown += html_line(f"and {len(self.findings) - _MAX_SHOWN:,} more")
        return shown + "".join(map(html_line, self.notes))

    def to_json(self) -> dict[str, Any]:
        """The result as ``graft check --json`` prints it."""
        numbers = Counter(photo.label for photo in self.dataset.photos)
        return {
            "photos": len(self.dataset.photos),
            "classes": {label: numbers[index] for index, label in enumerate(self.dataset.labels)},
            "unknown": len(self.dataset.negatives),
            "counts": counts(self.findings),
            "held_out_accuracy": self.search.accuracy,
            "estimated_mislabels": self.search.estimate,
            "findings": [finding.to_json() for finding in self.findings],
            "notes": self.notes,
            **self.prospects.to_json(self.dataset.labels),
        }


def check(options: CheckOptions, reporter: Reporter) -> CheckResult:
    """Searches for every kind of problem in ``KINDS``; writes only to the cache.

    Args:
        options: the options that ``graft train`` will get, so that it finds backbone and bottlenecks in the cache.
        reporter: receives progress and notes.

    Raises:
        DatasetError: the folder does not exist, or has no class folder.
        WeightsError: the weights that were asked for cannot be used. If the default weights are not available, only
            the search for mislabels is left out.
        GraftError: the cache cannot be used, or the backbone cannot be converted.
    """
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    for folder in options.places.roots:
        check_cache(cache, folder)
        check_folder(folder)
    find_layouts(options.places, min_classes=0)  # a list that cannot be read is reported before weights are downloaded
    weights = _weights(options, reporter, cache)
    with reporter.progress("comparing") as progress:
        scanned = scan(options.places, threads, 1, cache)
        dataset = group_near_duplicates(scanned, cache, threads, progress, reporter.note)
    if isinstance(weights, WeightsError):
        reason = str(weights)
        search = MislabelSearch(note=reason)
        prospects = unmeasured(len(dataset.labels), options.prospects, reason)
    else:
        dataset, search, prospects = _searched(dataset, weights, options, cache, threads, reporter)
    findings = find_problems(dataset, options.image_size, search.mislabels, options.rule)
    return CheckResult(dataset, findings, search, split_text(dataset, options.rule), prospects)


def _weights(options: HeadOptions, reporter: Reporter, cache: Path) -> WeightsSource | WeightsError:
    """The weights, or the error that says why those that the family downloads are not available."""
    try:
        return chosen_weights(options, reporter, cache)
    except WeightsError as error:
        if named_weights(options.family, options.weights) is None:
            raise
        return error


def _searched(
    dataset: Dataset, weights: WeightsSource, options: CheckOptions, cache: Path, threads: int, reporter: Reporter
) -> tuple[Dataset, MislabelSearch, Prospects]:
    """Searches for mislabels, and computes the prospects that were asked for.

    Returns:
        The data set without photos that could not be read any more, and the results.
    """
    labels = np.array([photo.label for photo in dataset.photos], np.int64)
    if len(np.unique(labels)) < 2:  # noqa: PLR2004  classes to distinguish
        reason = "this needs two classes"
        unanswered = unmeasured(len(dataset.labels), options.prospects, reason)
        return dataset, MislabelSearch(note=reason), unanswered
    backbone = shared_backbone(dataset, weights, options, cache, threads, reporter)
    with Bottlenecks(backbone, cache) as bottlenecks:
        with reporter.progress("bottlenecks") as progress:
            unlike = dataset.negatives if options.prospects.strangers else ()
            extraction = bottlenecks.extract(photos_alone((*dataset.photos, *unlike)), threads, progress)
        if note := extraction.damage:
            reporter.note(note)
        dataset = dataset.without(extraction.failures)
        features, labels = bottlenecks.matrix(dataset.photos)
        parts = parted(dataset, options.rule)
        learned = () if parts.negatives is None or not unlike else (*parts.negatives.train, *parts.negatives.validation)
        taught = bottlenecks.matrix(learned)[0] if learned else None
    places = [photo.place for photo in dataset.photos]
    fitted = fitted_photos(weights, dataset.photos)
    search = search_mislabels(features, labels, places, len(dataset.labels), options.rule.seed, fitted=fitted)
    validation = {id(photo) for photo in parts.validation}
    rows = Rows(
        bottlenecks=features,
        labels=labels,
        photos=np.arange(len(labels)),
        groups=group_numbers(dataset.photos),
        validates=np.array([id(photo) in validation for photo in dataset.photos]),
    )
    prospects = photo_prospects(
        rows, len(dataset.labels), options, options.prospects, reporter, fitted=bool(fitted.any()),
        negatives=None if taught is None else numbered(taught, learned, dataset.photos, rows.groups),
    )  # fmt: skip
    return dataset, search, prospects


def shared_backbone(
    dataset: Dataset, weights: WeightsSource, options: HeadOptions, cache: Path, threads: int, reporter: Reporter
) -> Backbone:
    """Quantizes the backbone as training does, so that training finds it in the cache."""
    training = parted(dataset, options.rule).train  # a class may lack a part: it can be checked all the same
    spec = backbone_spec(weights, options)
    with reporter.progress("quantizing") as progress:
        return make_backbone(spec, training or dataset.photos, cache, threads, progress=progress)
