"""Takes photos with simulated cameras, and draws source, target and test photos."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.samples.cameras import taken
from graft_device.preprocess import fit, load
from graft_host.photos.dataset import Dataset, Photo, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.progress import unwatched

_SCENE = 320  # pixels of the side of the scene that a camera takes


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The photos of one run, which have no near duplicates in each other.

    Attributes:
        sources: photos as they are.
        targets: photos by the camera, to train on.
        tests: photos by the camera.
        unlabelled: some of ``targets``, whose classes are not used.
    """

    sources: list[Photo]
    targets: list[Photo]
    tests: list[Photo]
    unlabelled: list[Photo]


def read_photos(folder: Path, cache: Path, threads: int) -> Dataset:
    """The photos of a folder, near duplicates grouped."""
    return group_near_duplicates(scan(folder, threads, cache=cache), cache, threads, unwatched)


def through_camera(name: str, dataset: Dataset, folder: Path, threads: int) -> list[Photo]:
    """Takes what each photo shows with a camera; photos that are there already are not taken again.

    Args:
        name: of the camera.
        dataset: the photos.
        folder: where the camera's photos are written, by class.
        threads: photos at a time.

    Returns:
        The camera's photos, in the order of the data set, with the groups of its photos.
    """
    for label in dataset.labels:
        (folder / label).mkdir(parents=True, exist_ok=True)

    def take(photo: Photo) -> Path:
        path = folder / dataset.labels[photo.label] / f"{photo.digest}.jpg"
        if not path.exists():
            scene = Image.fromarray(fit(load(photo.path, _SCENE), _SCENE))
            part = path.with_suffix(".part")
            part.write_bytes(taken(name, scene, photo.digest))
            part.replace(path)
        return path

    with ThreadPoolExecutor(threads) as pool:
        paths = list(pool.map(take, dataset.photos))
    found = {photo.path: photo for photo in scan(folder, threads).photos}
    return [replace(found[path], group=photo.place) for path, photo in zip(paths, dataset.photos, strict=True)]


def drawn(dataset: Dataset, camera: Sequence[Photo], sources: int, targets: int, unlabelled: int, seed: int) -> Draw:
    """Draws the photos of a run; draws of one seed have the same sources, and the fewer targets are among the more.

    Args:
        dataset: all photos.
        camera: the same photos as a camera takes them.
        sources: source photos of each class.
        targets: target photos of each class.
        unlabelled: target photos of each class that are matched.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    draw = Draw(sources=[], targets=[], tests=[], unlabelled=[])
    for label in range(len(dataset.labels)):
        order = random.permutation([place for place, photo in enumerate(dataset.photos) if photo.label == label])
        chosen = [dataset.photos[place] for place in order[:sources]]
        groups = {photo.place for photo in chosen}
        others = [camera[place] for place in order[sources:] if camera[place].group not in groups]
        near = {photo.group for photo in others[:targets]}
        draw.sources.extend(chosen)
        draw.targets.extend(others[:targets])
        draw.tests.extend(photo for photo in others[targets:] if photo.group not in near)
        draw.unlabelled.extend(others[:unlabelled])
    return draw
