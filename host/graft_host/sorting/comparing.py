"""Compares the pictures of an inbox with each other and with the photos: copies, and bottlenecks of one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError, WeightsError
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.make import make_backbone
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.reporter import Reporter
from graft_host.training.options import HeadOptions
from graft_host.training.survey import backbone_spec, chosen_weights

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Pictures and photos that can be decoded.

    Attributes:
        dataset: the photos of the classes and those of none, with their groups of near duplicates.
        pictures: those of the inbox, with their groups.
        failures: why the others cannot be decoded, by their paths.
        rows: the bottleneck of each, ``[D]``, by its digest; empty if there are no weights.
    """

    dataset: Dataset
    pictures: tuple[Photo, ...]
    failures: Mapping[Path, str]
    rows: Mapping[str, Array]


def compare(
    dataset: Dataset,
    pictures: Sequence[Photo],
    binned: Sequence[Photo],
    network: HeadOptions,
    cache: Path,
    threads: int,
    reporter: Reporter,
) -> Compared:
    """Finds near duplicates, and computes bottlenecks.

    Args:
        dataset: the photos, which may be none.
        pictures: those of the inbox.
        binned: those in the bin. The network may have been calibrated on them before they were put there.
        network: names the network.
        cache: the folder of caches.
        threads: the number of cores to use.
        reporter: receives progress and notes.

    Raises:
        GraftError: the cache cannot be used, the weights that were named are wrong, or the network cannot be converted.
    """
    inside = {photo.path for photo in pictures}
    both = replace(dataset, negatives=(*dataset.negatives, *pictures))
    with reporter.progress("comparing") as progress:
        both = group_near_duplicates(both, cache, threads, progress, reporter.note)
    rows: Mapping[str, Array] = {}
    try:
        rows, failures = _bottlenecks(both.everything, binned, network, cache, threads, reporter)
        both = both.without(failures)
    except WeightsError as error:
        if network.weights != "imagenet":
            raise
        reporter.note(f"note: pictures are not compared by what they show: {error}")
    except DatasetError as error:
        reporter.note(f"note: pictures are not compared by what they show: {error}")
    return Compared(
        dataset=replace(both, negatives=tuple(photo for photo in both.negatives if photo.path not in inside)),
        pictures=tuple(photo for photo in both.negatives if photo.path in inside),
        failures={skip.path: skip.reason for skip in both.skipped},
        rows=rows,
    )


def _bottlenecks(
    photos: Sequence[Photo],
    binned: Sequence[Photo],
    network: HeadOptions,
    cache: Path,
    threads: int,
    reporter: Reporter,
) -> tuple[Mapping[str, Array], Mapping[str, str]]:
    """The bottlenecks by digest, and why photos have none, by digest.

    A network that was calibrated on any of these photos is used again, so that sorting some of them costs nothing.
    """
    if not photos:
        return {}, {}
    weights = chosen_weights(network, reporter, cache)
    with reporter.progress("quantizing") as progress:
        backbone = make_backbone(backbone_spec(weights, network), [*photos, *binned], cache, threads, progress=progress)
    with Bottlenecks(backbone, cache) as bottlenecks:
        with reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(photos_alone(photos), threads, progress)
        if note := extraction.damage:
            reporter.note(note)
        different = list({photo.digest: photo for photo in photos if photo.digest not in extraction.failures}.values())
        matrix, _ = bottlenecks.matrix(different)
    return dict(zip((photo.digest for photo in different), matrix, strict=True)), extraction.failures
