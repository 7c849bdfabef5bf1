"""Computes the bottlenecks of a search: one conversion and one pass over the photos for all taps of an image size."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks, extract_together
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.convert import ParameterReader
from graft_host.backbones.conversion.joined import joined_from
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.conversion.trunk import Trunk, cached_backbones, cached_trunk, quantized_trunk
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.taps import JOIN
from graft_host.network_search.grid import Grid
from graft_host.photos.dataset import Photo, check_classes
from graft_host.photos.split import Split, split
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.training.guards import check_strict
from graft_host.training.material import note_calibration
from graft_host.training.survey import Survey, note_unreadable


def seen(parts: Split) -> tuple[Photo, ...]:
    """The photos that a search may use: training and validation photos, never test photos."""
    return (*parts.train, *parts.validation)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A family that a search tries.

    Attributes:
        grid: its taps and image sizes.
        weights: of its backbones.
    """

    grid: Grid
    weights: WeightsSource


Look = Callable[[Tried, Sequence[Backbone], Survey], None]
"""Called with backbones of a family whose bottlenecks are cached, and with the survey of their photos."""


def gather_features(
    tried: Sequence[Tried], survey: Survey, reporter: Reporter, clock: Clock, look: Look | None = None
) -> tuple[Survey, tuple[tuple[Tried, Backbone], ...]]:
    """Converts and extracts what is not cached. Ctrl-C loses no image size that was finished.

    Args:
        tried: the families.
        survey: of the photos.
        reporter: receives notes about skipped photos, and about cached backbones that were calibrated on few photos.
        clock: measures the stages.
        look: called after each image size; a photo that cannot be decoded later changes the survey, and then it is
            called with the others again. None for nothing.

    Returns:
        The survey without photos that could not be decoded, and the backbones with their families. The bottlenecks of
        all ``seen`` photos are cached.

    Raises:
        GraftError: a backbone cannot be made.
    """
    first, head = True, tried[0].grid.head
    readers = [ParameterReader(family.weights) for family in tried]
    while True:
        made: list[tuple[Tried, Backbone]] = []
        failures: dict[str, str] = {}
        for family, reader in zip(tried, readers, strict=True):
            name = family.grid.family.name if len(tried) > 1 else ""
            sizes = family.grid.sizes
            for place, size in enumerate(sizes):
                start = time.monotonic()
                step = _Step(
                    tried=family, size=size, title=f"{name} at {size}" if name else f"{size}",
                    recalibrate=head.recalibrate and first,
                    reader=reader,
                )  # fmt: skip
                backbones, failed = _backbones_of(step, replace(survey, weights=family.weights), reporter, clock)
                if first and not (backbones[0].former and any(backbone.former for _, backbone in made)):  # said once
                    note_calibration(backbones[0], survey.split, reporter, f"{name} at {size}, ".lstrip())
                made += [(family, backbone) for backbone in backbones]
                failures |= failed
                if look is not None and not failures:
                    look(family, backbones, survey)
                _note_left(name, sizes, place, time.monotonic() - start, reporter)
        if not failures:
            return survey, tuple(made)
        first = False
        whole, dataset = survey.dataset, survey.dataset.without(failures)
        note_unreadable(dataset.skipped[len(whole.skipped) :], head.check_command, reporter)
        check_strict(dataset.skipped, strict=head.strict)
        check_classes(dataset)
        survey = replace(survey, dataset=dataset, split=split(dataset, head.rule))


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A step of a search: one image size of a family.

    Attributes:
        tried: the family.
        size: the input side in pixels.
        title: names the size, and the family where several are tried, for a person.
        recalibrate: whether backbones are converted even if they are cached.
        reader: of the family's weights.
    """

    tried: Tried
    size: int
    title: str
    recalibrate: bool
    reader: ParameterReader


def _backbones_of(
    step: _Step, survey: Survey, reporter: Reporter, clock: Clock
) -> tuple[tuple[Backbone, ...], dict[str, str]]:
    """The backbones of one image size, and the photos that could not be decoded."""
    grid, layers = step.tried.grid, step.tried.grid.layers
    spec = BackboneSpec(
        weights=survey.weights, tap=grid.deepest, image_size=step.size, quantization="int8", resize=grid.head.resize
    )
    photos, training = seen(survey.split), survey.split.train
    ready = cached_backbones(spec, layers, training, survey.cache)
    found = None if step.recalibrate or not ready else _ready(spec, ready, grid, survey)
    if found and not _missing(found.backbones, survey, photos):
        return _networks(found, grid, survey), {}
    with clock.stage("backbones"), reporter.progress(f"{step.title}: quantizing") as progress:
        if len(layers) == 1:
            only = quantized_backbone(spec, training, survey.cache, survey.threads, step.recalibrate, progress)
            trunk = Trunk(only.path, (only,), only.reused)
        else:
            trunk = quantized_trunk(
                spec, layers, training, survey.cache, survey.threads, step.recalibrate, progress, step.reader
            )
        networks = _networks(trunk, grid, survey)
    with (
        clock.stage("bottlenecks"),
        reporter.progress(f"{step.title}: bottlenecks") as progress,
        _opened(trunk.backbones, survey) as outputs,
    ):
        wanted = photos_alone(photos)
        extraction = extract_together(trunk.path, spec, outputs, wanted, survey.threads, progress)
    if note := extraction.damage:
        reporter.note(note)
    return networks, extraction.failures


def _ready(spec: BackboneSpec, ready: tuple[Backbone, ...], grid: Grid, survey: Survey) -> Trunk | None:
    """The cached backbones of all layers; None if the network of several is needed, and is not cached."""
    if all(JOIN not in tap for tap in grid.taps):
        return Trunk(ready[-1].path, ready, reused=True)  # of which nothing takes the file
    return cached_trunk(spec, grid.layers, survey.split.train, survey.cache)


def _networks(trunk: Trunk, grid: Grid, survey: Survey) -> tuple[Backbone, ...]:
    """The backbone of each tap of a grid."""
    return tuple(joined_from(trunk, tap.split(JOIN), survey.cache) for tap in grid.taps)


def _missing(backbones: Sequence[Backbone], survey: Survey, photos: Sequence[Photo]) -> bool:
    with _opened(backbones, survey) as outputs:
        return any(output.missing(photos) for output in outputs)


@contextlib.contextmanager
def _opened(backbones: Sequence[Backbone], survey: Survey) -> Iterator[list[Bottlenecks]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Bottlenecks(backbone, survey.cache)) for backbone in backbones]


def _note_left(name: str, sizes: Sequence[int], place: int, seconds: float, reporter: Reporter) -> None:
    """Estimates how long the other sizes take: in practice in proportion to the side, because some work is constant."""
    if place + 1 == len(sizes) or seconds < 1:
        return
    left = seconds * sum(sizes[place + 1 :]) / sizes[place]
    of = f"{name}: " if name else ""
    reporter.note(
        f"{of}{place + 1} of {len(sizes)} image sizes done; about {left:.0f} s for the others if nothing is cached"
    )
