"""Reads a data set: a folder of photos for each class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import UNUSUAL_VERSION, checked_header, read_photo
from graft_host.photos.folders import entries_of_root, files, quoted
from graft_host.photos.layout import ClassFolder, find_layout

_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """One image file.

    Attributes:
        path: the file.
        label: index of the photo's class in the data set's labels.
        digest: SHA-256 of the content, in hex.
        group: the smallest digest among the photo's near duplicates; empty if they were not searched for.
        size: width and height in pixels as stored; None if the file was not read.
        part: ``train``, ``validation`` or ``test`` if the photo's folder gives its part of the split; empty if the
            split is drawn.
        unusual: whether it is read by a rule that ordinary photos do not need (``graft_device.preprocess.Header``).
    """

    path: Path
    label: int
    digest: str
    group: str = ""
    size: tuple[int, int] | None = None
    part: str = ""
    unusual: bool = False

    @property
    def cache_key(self) -> str:
        """The key of what is computed from the photo's pixels: its digest, and for an unusual photo a version."""
        return f"{self.digest}+u{UNUSUAL_VERSION}" if self.unusual else self.digest

    @property
    def place(self) -> str:
        """The key that decides the photo's side of a split or fold: its group, or its own digest without one."""
        return self.group or self.digest


@dataclass(frozen=True)
class Skipped:
    """A file that is not used.

    Attributes:
        path: the file.
        reason: why it is not used.
        stray: whether that is because it is outside the class folders.
    """

    path: Path
    reason: str
    stray: bool = False


@dataclass(frozen=True)
class Dataset:
    """The photos of a folder.

    Attributes:
        root: the folder.
        labels: the names of the class folders, accents composed, in code point order.
        photos: the photos that can be used.
        skipped: the files that cannot be used.
        folders: the class folders of each label, several where folders give the split.
        parts: the folders that give the split (``train``, ``val``, ``test`` in the root), by the part; empty if the
            split is drawn.
    """

    root: Path
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]
    folders: tuple[tuple[Path, ...], ...] = ()
    parts: Mapping[str, Path] = field(default_factory=dict)

    def folders_of(self, label: int) -> tuple[Path, ...]:
        """The class folders of a label, as they are named on the disk."""
        return self.folders[label] if self.folders else (self.root / self.labels[label],)

    def without(self, failures: Mapping[str, str]) -> Dataset:
        """Moves the photos whose digest is in ``failures`` (digest to reason) to ``skipped``."""
        kept = tuple(p for p in self.photos if p.digest not in failures)
        failed = tuple(Skipped(p.path, failures[p.digest]) for p in self.photos if p.digest in failures)
        return replace(self, photos=kept, skipped=self.skipped + failed)


def check_folder(root: Path) -> None:
    """Raises DatasetError unless the folder exists and can be listed."""
    entries_of_root(root)


def scan(root: Path, threads: int, min_classes: int = 2) -> Dataset:
    """Finds the photos of a data set.

    Every folder directly below ``root`` is a class, unless the folders there give the split (see ``find_layout``).
    Nested folders belong to the class that they are in. Hidden files and folders and those of systems
    (``is_service_name``) are left out. A file whose header shows that it is not a usable image is skipped with the
    reason; damage further inside shows only when the photo is decoded (see ``Dataset.without``).

    Args:
        root: the folder.
        threads: files that are read at a time.
        min_classes: 2 for training, where every class must have a photo; 1 for evaluation.

    Raises:
        DatasetError: there are too few classes, a class has no photo, or a folder cannot be listed.
    """
    layout = find_layout(root, min_classes)
    jobs = [
        (path, label, folder)
        for label, folders in enumerate(layout.classes.values())
        for folder in folders
        for path in files(folder.path)
    ]
    with ThreadPoolExecutor(threads) as pool:
        entries: list[Photo | Skipped] = []
        for start in range(0, len(jobs), _AT_ONCE):  # for 100,000 files at once, the pool would take most of the memory
            entries += pool.map(lambda job: _read(*job), jobs[start : start + _AT_ONCE])
    photos = tuple(entry for entry in entries if isinstance(entry, Photo))
    skipped = [Skipped(path, "is outside the class folders", stray=True) for path in layout.stray]
    skipped += [entry for entry in entries if isinstance(entry, Skipped)]
    folders = tuple(tuple(folder.path for folder in same) for same in layout.classes.values())
    dataset = Dataset(root, tuple(layout.classes), photos, tuple(skipped), folders, layout.parts)
    if min_classes > 1:
        check_classes(dataset)
    return dataset


def check_classes(dataset: Dataset) -> None:
    """Raises DatasetError unless every class has a photo that can be read."""
    counts = Counter(photo.label for photo in dataset.photos)
    empty = [index for index in range(len(dataset.labels)) if not counts[index]]
    if not empty:
        return
    everything = len(empty) == len(dataset.labels)
    folders = {dataset.root} if everything else {folder for index in empty for folder in dataset.folders_of(index)}
    reasons = Counter(skip.reason for skip in dataset.skipped if not folders.isdisjoint(skip.path.parents))
    why = f" ({_times(reasons)})" if reasons else ""
    if everything:
        raise DatasetError(f"no readable photo in {dataset.root}{why}", "put photos into its class folders")
    folder = "the folder" if len(empty) == 1 else "the folders"
    names = quoted(dataset.labels[index] for index in empty)
    raise DatasetError(f"no readable photo in {names} in {dataset.root}{why}", f"add photos or remove {folder}")


def _read(path: Path, label: int, folder: ClassFolder) -> Photo | Skipped:
    try:
        data = read_photo(path)
        header = checked_header(data)
    except PhotoError as error:
        return Skipped(path, str(error))
    return Photo(
        path=path,
        label=label,
        digest=hashlib.sha256(data).hexdigest(),
        size=(header.width, header.height),
        part=folder.part,
        unusual=header.unusual,
    )


def _times(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
