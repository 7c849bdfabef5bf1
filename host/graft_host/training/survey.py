"""Finds what a run needs before anything is computed: the photos, their split, and the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graft_device.errors import WeightsError
from graft_device.runtime import threads_to_use
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.weights.find import (
    VARIABLE,
    check_tap,
    find_weights,
    from_environment,
    named_weights,
    usual_weights,
)
from graft_host.backbones.weights.kept_weights import kept_weights
from graft_host.photos.dataset import Dataset, Skipped, check_classes, check_folder, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.split import Split, split
from graft_host.photos.split_text import split_text
from graft_host.samples.places import check_places
from graft_host.samples.prior import class_shares
from graft_host.samples.sources import Sources, find_sources
from graft_host.support.cache import default_cache
from graft_host.support.clock import Clock
from graft_host.support.destination import check_cache_place
from graft_host.support.reporter import Reporter, note_skipped
from graft_host.training.guards import check_cache, check_strict
from graft_host.training.options import HeadOptions


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is known before anything is computed.

    Attributes:
        weights: of the backbone.
        dataset: the photos that can be decoded, near duplicates grouped.
        split: which photos train, validate and test.
        cache: folder of the kit's caches.
        threads: to use.
        sources: photos of other domains, which only train.
    """

    weights: WeightsSource
    dataset: Dataset
    split: Split
    cache: Path
    threads: int
    sources: Sources = field(default_factory=Sources)


def survey(options: HeadOptions, reporter: Reporter, clock: Clock) -> Survey:
    """Finds weights and photos, and splits the photos.

    Raises:
        GraftError: a head cannot be trained with these.
    """
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    elsewhere = [
        *options.samples.source,
        *options.unknown,
        *([] if options.samples.match is None else [options.samples.match]),
    ]
    for folder in elsewhere:
        check_cache_place(cache, folder)
    for folder in options.places.roots:
        check_cache(cache, folder)
        check_places(folder, options.samples.source, options.samples.match)
    for folder in (*elsewhere, *options.places.roots):
        check_folder(folder)
    weights = None if _to_download(options) else chosen_weights(options, reporter, cache)
    with clock.stage("scan"), reporter.progress("comparing") as progress:
        dataset = group_near_duplicates(
            scan(options.places, threads, cache=cache), cache, threads, progress, reporter.note
        )
    note_unreadable(dataset.skipped, options.check_command, reporter)
    check_strict(dataset.skipped, strict=options.strict)
    check_classes(dataset)
    parts = split(dataset, options.rule)
    if text := split_text(dataset, options.rule):
        reporter.note(f"note: {text}")
    sources = surveyed_sources(dataset, options, cache, threads, reporter, clock)
    weights = weights or chosen_weights(options, reporter, cache)  # what needs a network comes last
    if not weights.pretrained:
        reporter.note("note: the backbone's weights are random, not pretrained: expect poor accuracy on real photos")
    return Survey(weights=weights, dataset=dataset, split=parts, cache=cache, threads=threads, sources=sources)


def surveyed_sources(
    target: Dataset, options: HeadOptions, cache: Path, threads: int, reporter: Reporter, clock: Clock
) -> Sources:
    """Finds the photos of other domains, and notes what is left out; there are none without ``--source``.

    Raises:
        OptionError: ``--prior`` names a class that the target does not have, or not all of its shares are possible.
        GraftError: a folder cannot be read, or lacks a class.
    """
    class_shares(options.samples.shares, target.labels)
    if not options.samples.source:
        return Sources()
    with clock.stage("scan"), reporter.progress("comparing sources") as progress:
        sources = find_sources(target, options.samples.source, cache, threads, progress)
    note_sources(sources, reporter, strict=options.strict)
    return sources


def note_sources(sources: Sources, reporter: Reporter, *, strict: bool) -> None:
    """Notes what is left out of sources; raises DatasetError under ``--strict`` if a photo cannot be read."""
    for source in sources.folders:
        note_unreadable(source.skipped, f"graft check {source.root}", reporter)
        check_strict(source.skipped, strict=strict)
        for line in source.notes():
            reporter.note(line)


def backbone_spec(weights: WeightsSource, options: HeadOptions) -> BackboneSpec:
    """What the options have converted."""
    return BackboneSpec(
        weights=weights,
        tap=options.tap,
        image_size=options.image_size,
        quantization=options.quantize,
        resize=options.resize,
    )


def chosen_weights(options: HeadOptions, reporter: Reporter, cache: Path) -> WeightsSource:
    """Finds the weights that the options name.

    If ``$GRAFT_WEIGHTS`` names a file of another family, the family takes its usual weights.

    Args:
        options: name the weights, the tap and the image size.
        reporter: receives a note and the progress of a download.
        cache: the folder of caches; a file that an earlier run read, and that has not changed, is not read.

    Raises:
        BackboneError: the family has no such tap or image size.
        WeightsError: they are not available, or do not reach the tap.
    """
    family = options.family
    family.taps_of(options.tap)
    family.check_size(options.image_size)

    try:
        return _weights(options, options.weights, reporter, cache)
    except WeightsError:
        if not from_environment(options.weights, family):
            raise
    usual = usual_weights(family)
    reporter.note(f"note: ${VARIABLE} names weights of another backbone, so {family.name} takes {usual}")
    return _weights(options, usual, reporter, cache)


def _weights(options: HeadOptions, spec: str, reporter: Reporter, cache: Path) -> WeightsSource:
    def find() -> WeightsSource:
        weights = find_weights(spec, options.rule.seed, options.family, reporter)
        check_tap(weights, options.tap)
        return weights

    return kept_weights(spec, options.tap, options.family, cache, find)


def _to_download(options: HeadOptions) -> bool:
    """Whether the weights are not on this machine yet, and are downloaded when they are needed."""
    named = named_weights(options.family, options.weights)
    return named is not None and not named.package and not named.is_here


def note_unreadable(skipped: Sequence[Skipped], check: str, reporter: Reporter) -> None:
    """Notes the first few photos that cannot be used, and the command that lists them all."""
    note_skipped(((skip.path, skip.reason) for skip in skipped), reporter, f": '{check}' lists them")
