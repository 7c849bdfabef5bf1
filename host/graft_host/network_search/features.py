"""Computes the bottlenecks of a search: one conversion and one pass over the photos for all taps of an image size."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from graft_host.backbones.bottlenecks import Bottlenecks, extract_together, photos_alone
from graft_host.backbones.convert import ParameterReader
from graft_host.backbones.quantize import Backbone, BackboneSpec, quantized_backbone
from graft_host.backbones.trunk import Trunk, cached_backbones, quantized_trunk
from graft_host.network_search.options import SearchOptions
from graft_host.photos.dataset import Photo, check_classes
from graft_host.photos.split import Split, split
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.training.guards import check_strict
from graft_host.training.material import Survey, note_calibration, note_unreadable


def seen(parts: Split) -> tuple[Photo, ...]:
    """The photos that a search may use: training and validation photos, never test photos."""
    return (*parts.train, *parts.validation)


def gather_features(
    options: SearchOptions, survey: Survey, reporter: Reporter, clock: Clock
) -> tuple[Survey, tuple[Backbone, ...]]:
    """Converts and extracts what is not cached. Ctrl-C loses no image size that was finished.

    Args:
        options: of the search.
        survey: of its photos.
        reporter: receives notes about skipped photos, and about cached backbones that were calibrated on few photos.
        clock: measures the stages.

    Returns:
        The survey without photos that could not be decoded, and the backbones. The bottlenecks of all ``seen`` photos
        are cached.

    Raises:
        GraftError: a backbone cannot be made.
    """
    first, reader = True, ParameterReader(survey.weights)
    while True:
        made: list[Backbone] = []
        failures: dict[str, str] = {}
        for place, size in enumerate(options.sizes):
            start = time.monotonic()
            recalibrate = options.head.recalibrate and first
            backbones, failed = _size(options, survey, size, reader, reporter, clock, recalibrate=recalibrate)
            if first and not (backbones[0].former and any(backbone.former for backbone in made)):  # said once
                note_calibration(backbones[0], survey.split, reporter, f"at {size}, ")
            made += backbones
            failures |= failed
            _note_left(options.sizes, place, time.monotonic() - start, reporter)
        if not failures:
            return survey, tuple(made)
        first = False
        whole, dataset = survey.dataset, survey.dataset.without(failures)
        note_unreadable(dataset.skipped[len(whole.skipped) :], options.photos, reporter)
        check_strict(dataset, strict=options.head.strict)
        check_classes(dataset)
        survey = replace(survey, dataset=dataset, split=split(dataset, options.head.rule))


def _size(
    options: SearchOptions,
    survey: Survey,
    size: int,
    reader: ParameterReader,
    reporter: Reporter,
    clock: Clock,
    *,
    recalibrate: bool,
) -> tuple[tuple[Backbone, ...], dict[str, str]]:
    """The backbones of one image size, and the photos that could not be decoded."""
    spec = BackboneSpec(
        weights=survey.weights, tap=options.deepest, image_size=size, quantization="int8", resize=options.head.resize
    )
    photos, training = seen(survey.split), survey.split.train
    ready = cached_backbones(spec, options.taps, training, survey.cache)
    if ready and not recalibrate and not _missing(ready, survey, photos):
        return ready, {}
    with clock.stage("backbones"), reporter.progress(f"{size}: quantizing") as progress:
        if len(options.taps) == 1:
            only = quantized_backbone(spec, training, survey.cache, survey.threads, recalibrate, progress)
            trunk = Trunk(only.path, (only,), only.reused)
        else:
            trunk = quantized_trunk(
                spec, options.taps, training, survey.cache, survey.threads, recalibrate, progress, reader
            )
    with (
        clock.stage("bottlenecks"),
        reporter.progress(f"{size}: bottlenecks") as progress,
        _opened(trunk.backbones, survey) as outputs,
    ):
        wanted = photos_alone(photos)
        extraction = extract_together(trunk.path, spec, outputs, wanted, 0, survey.threads, progress)
    if note := extraction.damage:
        reporter.note(note)
    return trunk.backbones, extraction.failures


def _missing(backbones: Sequence[Backbone], survey: Survey, photos: Sequence[Photo]) -> bool:
    with _opened(backbones, survey) as outputs:
        return any(output.missing(photos) for output in outputs)


@contextlib.contextmanager
def _opened(backbones: Sequence[Backbone], survey: Survey) -> Iterator[list[Bottlenecks]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Bottlenecks(backbone, survey.cache)) for backbone in backbones]


def _note_left(sizes: Sequence[int], place: int, seconds: float, reporter: Reporter) -> None:
    """Estimates how long the other sizes take: in practice in proportion to the side, because some work is constant."""
    if place + 1 == len(sizes) or seconds < 1:
        return
    left = seconds * sum(sizes[place + 1 :]) / sizes[place]
    reporter.note(
        f"{place + 1} of {len(sizes)} image sizes done; about {left:.0f} s for the others if nothing is cached"
    )
