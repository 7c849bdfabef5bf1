"""How accurate heads on a network's int8 bottlenecks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks.choices import Network
from benchmarks.networks.draws import Draw, calibrating, draw
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.family import WeightsSource
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import Dataset, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.parallel import map_parallel
from graft_host.support.progress import unwatched


@dataclass(frozen=True)
class PhotoSet:
    """Folders that share a column of the table.

    Attributes:
        name: of the column.
        folders: each with a folder of photos for each class.
    """

    name: str
    folders: tuple[Path, ...]


@dataclass(frozen=True)
class Accuracy:
    """Of one network on one set.

    Attributes:
        all: share of the test photos that the head on all other photos names rightly, one for each draw.
        few: the same with few photos of each class to train on.
    """

    all: tuple[float, ...]
    few: tuple[float, ...]


@dataclass(frozen=True)
class Prepared:
    """The photos of one folder and their draws.

    Attributes:
        dataset: the photos, near duplicates grouped.
        calibrating: the places of the photos that quantize backbones.
        draws: one for each seed.
    """

    dataset: Dataset
    calibrating: list[int]
    draws: tuple[Draw, ...]


def prepared(folder: Path, seeds: int, cache: Path, threads: int) -> Prepared:
    """Reads a folder of photos, and draws from it."""
    dataset = group_near_duplicates(scan(folder, threads), cache, threads, unwatched)
    chosen = calibrating(dataset.photos, MAX_CALIBRATION_PHOTOS)
    return Prepared(dataset, chosen, tuple(draw(dataset.photos, chosen, seed) for seed in range(seeds)))


def measured(
    network: Network, weights: WeightsSource, folders: Sequence[Prepared], cache: Path, threads: int
) -> Accuracy:
    """Measures a network on the draws of all folders of a set.

    Its bottlenecks are computed once for each folder, and cached.
    """
    shares = [share for folder in folders for share in _shares(network, weights, folder, cache, threads)]
    return Accuracy(*zip(*shares, strict=True))


def _shares(
    network: Network, weights: WeightsSource, folder: Prepared, cache: Path, threads: int
) -> list[tuple[float, float]]:
    photos, classes = folder.dataset.photos, len(folder.dataset.labels)
    spec = BackboneSpec(
        weights=weights, tap=network.tap, image_size=network.image_size, quantization="int8", resize="squash"
    )
    backbone = make_backbone(spec, [photos[place] for place in folder.calibrating], cache, threads)
    with Bottlenecks(backbone, cache) as bottlenecks:
        bottlenecks.extract(photos_alone(photos), threads, unwatched)
        values, labels = bottlenecks.matrix(photos)

    def shares(chosen: Draw) -> tuple[float, float]:
        none = np.array([], np.int64)
        heads = ((chosen.train, chosen.validation), (chosen.few, none))
        right = [_right(values, labels, classes, train, validation, chosen.test) for train, validation in heads]
        return right[0], right[1]

    return map_parallel(shares, folder.draws, threads)


def _right(
    values: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    test: NDArray[np.int64],
) -> float:
    """The share of test photos that a head names rightly."""
    sides = [(values[rows], labels[rows]) for rows in (train, validation)]
    head = train_head(sides[0], sides[1], classes, Recipe())
    return float(np.mean(head.predict(values[test]) == labels[test]))
