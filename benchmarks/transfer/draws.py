"""Draws photos of each class to train and to test on, and lays them out as ``graft train`` takes them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graft_host.photos.dataset import Dataset, Photo, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.progress import unwatched

TESTED, TESTED_OF_CLASS = 200, 50
"""Photos to test on at most: of all classes together, and of each class."""


@dataclass(frozen=True)
class PhotoSet:
    """Photos that are drawn from.

    Attributes:
        name: of the set.
        dataset: the photos, near duplicates grouped.
    """

    name: str
    dataset: Dataset

    @property
    def tested(self) -> int:
        """Photos of each class to test on: a third of the smallest class at most."""
        return min(TESTED_OF_CLASS, TESTED // len(self.dataset.labels), self._smallest // 3)

    @property
    def most(self) -> int:
        """Photos of each class that are left to train on, in the smallest class."""
        return self._smallest - self.tested

    @property
    def _smallest(self) -> int:
        return int(np.bincount([photo.label for photo in self.dataset.photos]).min())


def read_set(name: str, folder: Path, cache: Path, threads: int) -> PhotoSet:
    """Reads a folder of photos for each class."""
    return PhotoSet(name, group_near_duplicates(scan(folder, threads), cache, threads, unwatched))


def lay_out(photos: PhotoSet, count: int, seed: int, folder: Path) -> Path:
    """Links the photos of a draw into ``train`` and ``test``, each with a folder for each class.

    The test photos depend on the seed alone, and a draw of more photos contains those of a draw of fewer.

    Args:
        photos: to draw from.
        count: photos of each class to train on.
        seed: of the draw.
        folder: for the links; it is left as it is if it exists.
    """
    if folder.is_dir():
        return folder
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    order = np.random.default_rng(seed).permutation(len(photos.dataset.photos)).tolist()
    shuffled = [photos.dataset.photos[place] for place in order]
    for label, name in enumerate(photos.dataset.labels):
        members = [photo for photo in shuffled if photo.label == label]
        tested = members[: photos.tested]
        places = {photo.place for photo in tested}
        trained = [photo for photo in members[photos.tested :] if photo.place not in places]
        _link(tested, part / "test" / name)
        _link(trained[:count], part / "train" / name)
    return part.rename(folder)


def _link(photos: Sequence[Photo], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        (folder / photo.path.name).symlink_to(photo.path.resolve())
