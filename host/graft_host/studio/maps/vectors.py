"""The bottlenecks of the photos of a project, from the cache that check and training share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graft_device.errors import DatasetError
from graft_device.runtime import threads_to_use
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.photo_check import shared_backbone
from graft_host.photos.dataset import Photo, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.studio.maps.principal import Array
from graft_host.support.cache import default_cache
from graft_host.support.reporter import Reporter
from graft_host.training.guards import check_cache
from graft_host.training.options import CheckOptions
from graft_host.training.survey import chosen_weights


@dataclass(frozen=True)
class Vectors:
    """Photos and their bottlenecks.

    Attributes:
        photos: those that can be read; photos of none of the classes are among them.
        rows: a bottleneck of each, float32 ``[N,D]``.
        left_out: files that cannot be read.
    """

    photos: Sequence[Photo]
    rows: Array
    left_out: Sequence[Path]


def photo_vectors(options: CheckOptions, reporter: Reporter) -> Vectors:
    """Computes the bottlenecks that are not cached yet.

    Args:
        options: those of the check.
        reporter: receives progress and notes.

    Raises:
        DatasetError: no photo can be read.
        GraftError: the weights or the cache cannot be used.
    """
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    check_cache(cache, options.photos)
    with reporter.progress("comparing") as progress:
        scanned = scan(options.places, threads, 1, cache)
        dataset = group_near_duplicates(scanned, cache, threads, progress, reporter.note)
    if not dataset.photos:
        raise DatasetError("there is no photo to put on the map", "add photos to the classes")
    weights = chosen_weights(options, reporter, cache)
    backbone = shared_backbone(dataset, weights, options, cache, threads, reporter)
    with Bottlenecks(backbone, cache) as bottlenecks:
        with reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(photos_alone(dataset.everything), threads, progress)
        dataset = dataset.without(extraction.failures)
        photos = dataset.everything
        if not photos:
            raise DatasetError("no photo can be read", "add photos to the classes")
        rows, _ = bottlenecks.matrix(photos)
    compared = np.sqrt(rows) if rows.min(initial=0) >= 0 else rows  # as pictures are compared when they are sorted
    return Vectors(photos, compared, [skip.path for skip in dataset.skipped])
