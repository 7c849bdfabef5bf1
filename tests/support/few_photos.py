"""The smallest data set that ``graft train`` accepts; its photos are in the same parts as in the whole data set."""

from __future__ import annotations

import shutil
from pathlib import Path

from graft_host.photos.dataset import scan
from graft_host.photos.split import split
from graft_host.photos.split_rule import SplitRule


def few_photos(photos: Path, folder: Path, rule: SplitRule | None = None) -> Path:
    """Copies two training photos, a validation photo and a test photo of each class; returns the folder."""
    dataset = scan(photos, 2)
    parts = split(dataset, rule or SplitRule())
    for part, count in ((parts.train, 2), (parts.validation, 1), (parts.test, 1)):
        for label, name in enumerate(dataset.labels):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for photo in [photo for photo in part if photo.label == label][:count]:
                shutil.copy(photo.path, folder / name)
    return folder
