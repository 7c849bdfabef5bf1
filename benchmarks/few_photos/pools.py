"""Pools of photos with their bottlenecks, from which few are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.dataset import Dataset, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.progress import unwatched

RENDERED = 250
"""Rendered photos of each part; Asirra has as many of cats and of dogs."""


@dataclass(frozen=True)
class Pool:
    """Photos and their int8 bottlenecks.

    Attributes:
        dataset: the photos, near duplicates grouped.
        bottlenecks: of the photos, float32 ``[N,D]``.
    """

    dataset: Dataset
    bottlenecks: NDArray[np.float32]


def make_photos(folder: Path, real: Path) -> Path:
    """Puts cats, dogs and rendered parts into one folder of five classes."""
    if not folder.is_dir():
        render_dataset(folder, RENDERED, 0)
        for label in ("cats", "dogs"):
            (folder / label).symlink_to((real / label).resolve(), target_is_directory=True)
    return folder


def make_pool(photos: Path, weights: str, tap: str, size: int, cache: Path) -> Pool:
    """Computes the int8 bottlenecks of all photos.

    Args:
        photos: a folder of photos for each class.
        weights: as for ``graft train --weights``.
        tap: the layer.
        size: the input side in pixels.
        cache: the folder of backbones and bottlenecks.
    """
    dataset = group_near_duplicates(scan(photos, 2), cache, 2, unwatched)
    spec = BackboneSpec(
        weights=find_weights(weights, 0), tap=tap, image_size=size, quantization="int8", resize="squash"
    )
    backbone = quantized_backbone(spec, dataset.photos, cache, 2, progress=unwatched)
    with Bottlenecks(backbone, cache) as bottlenecks:
        extraction = bottlenecks.extract(photos_alone(dataset.photos), 2, unwatched)
        dataset = dataset.without(extraction.failures)
        return Pool(dataset, bottlenecks.matrix(dataset.photos)[0])


def drawn(pool: Pool, classes: int, photos: int, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """Draws classes and photos; returns them as a data set, and all other photos of these classes as another."""
    chosen = sorted(rng.choice(len(pool.dataset.labels), classes, replace=False).tolist())
    few, others = [], []
    for label, old in enumerate(chosen):
        members = [photo for photo in pool.dataset.photos if photo.label == old]
        order = [replace(members[place], label=label) for place in rng.permutation(len(members))]
        groups = {photo.place for photo in order[:photos]}
        few += order[:photos]
        others += [photo for photo in order[photos:] if photo.place not in groups]
    labels = tuple(pool.dataset.labels[old] for old in chosen)
    return (
        Dataset(pool.dataset.root, labels, tuple(few), ()),
        Dataset(pool.dataset.root, labels, tuple(others), ()),
    )
