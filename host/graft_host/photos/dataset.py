"""A folder per class becomes labels and photos."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import check_header, read_photo
from graft_host.photos.folders import class_folders, entries_of_root, files, quoted

_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Photo:
    """One image file.

    Attributes:
        path: the file.
        label: indexes the data set's labels.
        digest: the content's SHA-256 in hex.
        group: equal for near duplicates, the smallest digest among them; empty when none were looked for.
        size: width and height in pixels as stored; None when the file was not looked at.
    """

    path: Path
    label: int
    digest: str
    group: str = ""
    size: tuple[int, int] | None = None

    @property
    def place(self) -> str:
        """What the photo's side of a split or fold hangs on: its group, or its own content."""
        return self.group or self.digest


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Dataset:
    """The photos below a folder; ``labels`` are the class folders' names in code point order."""

    root: Path
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]

    def without(self, failures: Mapping[str, str]) -> Dataset:
        """The data set less the photos whose digest is in ``failures`` (digest to reason)."""
        kept = tuple(p for p in self.photos if p.digest not in failures)
        gone = tuple(Skipped(p.path, failures[p.digest]) for p in self.photos if p.digest in failures)
        return replace(self, photos=kept, skipped=self.skipped + gone)


def check_folder(root: Path) -> None:
    """Raises DatasetError unless there is such a folder and it can be looked into."""
    entries_of_root(root)


def scan(root: Path, threads: int, min_classes: int = 2) -> Dataset:
    """Finds the photos: one folder per class, nested folders count as their class, hidden names don't.

    Args:
        root: the folder.
        threads: files that are looked at together.
        min_classes: two to train on, where every class must have a photo; one to evaluate with.

    Files whose header shows that they are no usable image are left out with the reason; damage further inside
    shows only when they are decoded (see ``Dataset.without``).

    Raises:
        DatasetError: fewer than two classes, a class without a photo, or a folder that can't be read.
    """
    folders, stray = class_folders(root, min_classes)
    jobs = [(path, label) for label, folder in enumerate(folders) for path in files(folder)]
    with ThreadPoolExecutor(threads) as pool:
        looked: list[Photo | Skipped] = []
        for start in range(0, len(jobs), _AT_ONCE):  # of 100,000 files, the pool's own records would take most memory
            looked += pool.map(lambda job: _look(*job), jobs[start : start + _AT_ONCE])
    photos = tuple(found for found in looked if isinstance(found, Photo))
    skipped = [Skipped(path, "lies outside the class folders") for path in stray]
    skipped += [found for found in looked if isinstance(found, Skipped)]
    labels = tuple(unicodedata.normalize("NFC", folder.name) for folder in folders)
    dataset = Dataset(root, labels, photos, tuple(skipped))
    if min_classes > 1:
        check_classes(dataset)
    return dataset


def check_classes(dataset: Dataset) -> None:
    """Raises DatasetError unless every class has a photo that can be read."""
    counts = Counter(photo.label for photo in dataset.photos)
    empty = [label for index, label in enumerate(dataset.labels) if not counts[index]]
    if not empty:
        return
    folders = {dataset.root} if len(empty) == len(dataset.labels) else {dataset.root / label for label in empty}
    reasons = Counter(skip.reason for skip in dataset.skipped if not folders.isdisjoint(skip.path.parents))
    why = f" ({_times(reasons)})" if reasons else ""
    if len(empty) == len(dataset.labels):
        raise DatasetError(f"no readable photo in {dataset.root}{why}: put photos into its class folders")
    raise DatasetError(
        f"{quoted(empty)} in {dataset.root}: no readable photo there{why}; add photos or remove the folder"
    )


def _look(path: Path, label: int) -> Photo | Skipped:
    try:
        data = read_photo(path)
        size = check_header(data)
    except PhotoError as error:
        return Skipped(path, str(error))
    return Photo(path, label, hashlib.sha256(data).hexdigest(), size=size)


def _times(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
