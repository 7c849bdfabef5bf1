"""Reads a data set: a folder of photos for each class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import UNUSUAL_VERSION, checked_header, read_photo
from graft_device.ranking import UNKNOWN
from graft_host.photos.folders import entries_of_root, quoted
from graft_host.photos.given.archive import is_archive
from graft_host.photos.given.listing import find_layouts
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.known_photos import KnownPhotos, PhotoFacts, key_of

NO_CLASS = -1
"""The label of a photo that is of none of the classes."""

_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """One image file.

    Attributes:
        path: the file.
        label: index of the photo's class in the data set's labels; ``NO_CLASS`` for a photo of none of them.
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
        labels: the names of the classes, accents composed, in code point order.
        photos: the photos that can be used.
        skipped: the files that cannot be used.
        folders: the class folders of each label, or the lists that name its photos; several where folders give the
            split.
        parts: the folders that give the split (``train``, ``val``, ``test`` in the root), or the lists that do, by the
            part; empty if the split is drawn.
        also: further folders that a user gave.
        lists: the lists of labels that a user gave.
        negatives: photos that are of none of the classes: of folders called ``unknown``, and of those that a user gave.
        unknown: the folders of such photos that a user gave; None if ``unknown`` is an ordinary name for a class.
    """

    root: Path
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]
    folders: tuple[tuple[Path, ...], ...] = ()
    parts: Mapping[str, Path] = field(default_factory=dict)
    also: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()
    negatives: tuple[Photo, ...] = ()
    unknown: tuple[Path, ...] | None = None

    @property
    def places(self) -> PhotoPlaces:
        """Where the photos are, as a user gave it."""
        return PhotoPlaces(root=self.root, also=self.also, labels=self.lists, unknown=self.unknown)

    @property
    def everything(self) -> tuple[Photo, ...]:
        """The photos of the classes, followed by those of none."""
        return self.photos + self.negatives

    def name_of(self, label: int) -> str:
        """The name of a class, or that of photos of none."""
        return UNKNOWN if label == NO_CLASS else self.labels[label]

    def folders_of(self, label: int) -> tuple[Path, ...]:
        """The class folders of a label, as they are named on the disk."""
        return self.folders[label] if self.folders else (self.root / self.labels[label],)

    def without(self, failures: Mapping[str, str]) -> Dataset:
        """Moves the photos whose digest is in ``failures`` (digest to reason) to ``skipped``."""
        kept, negatives = (
            tuple(p for p in photos if p.digest not in failures) for photos in (self.photos, self.negatives)
        )
        failed = tuple(Skipped(p.path, failures[p.digest]) for p in self.everything if p.digest in failures)
        return replace(self, photos=kept, negatives=negatives, skipped=self.skipped + failed)


def check_folder(root: Path) -> None:
    """Raises DatasetError unless the folder exists and can be listed; an archive is unpacked later."""
    if not is_archive(root):
        entries_of_root(root)


def scan(given: Path | PhotoPlaces, threads: int, min_classes: int = 2, cache: Path | None = None) -> Dataset:
    """Finds the photos of a data set.

    Every folder directly below a root is a class, unless the folders there give the split (see ``find_layout``) or a
    list gives the labels.
    Nested folders belong to the class that they are in. Hidden files and folders and those of systems
    (``is_service_name``) are left out. A file whose header shows that it is not a usable image is skipped with the
    reason; damage further inside shows only when the photo is decoded (see ``Dataset.without``).

    Args:
        given: the folder, or several folders and lists of labels.
        threads: files that are read at a time.
        min_classes: 2 for training, where every class must have a photo; 1 for evaluation.
        cache: graftkit's cache folder, where the facts of files are kept so that only new and changed files are read;
            None to read all files.

    Raises:
        CacheError: the cache cannot be used.
        DatasetError: there are too few classes, a class has no photo, a folder cannot be listed, or one of photos of
            none of the classes has no photo or is among the class folders.
    """
    places = given if isinstance(given, PhotoPlaces) else PhotoPlaces(root=given, cache=cache)
    layout = find_layouts(places, min_classes)
    jobs = [
        _File(photo.path, label, photo.part)
        for label, name in enumerate(layout.classes)
        for photo in layout.photos(name)
    ]
    jobs += [_File(photo.path, NO_CLASS, photo.part) for photo in layout.negatives()]
    entries = _all_entries(jobs, threads, cache)
    everything = [entry for entry in entries if isinstance(entry, Photo)]
    photos = tuple(photo for photo in everything if photo.label != NO_CLASS)
    none = tuple(photo for photo in everything if photo.label == NO_CLASS)
    skipped = [Skipped(path, "is outside the class folders", stray=True) for path in layout.stray]
    skipped += [entry for entry in entries if isinstance(entry, Skipped)]
    skipped += [Skipped(path, reason) for path, reason in layout.left_out]
    folders = tuple(
        (*(folder.path for folder in same), *(places.labels if layout.listed.get(label) else ()))
        for label, same in layout.classes.items()
    )
    dataset = Dataset(
        places.root,
        tuple(layout.classes),
        photos,
        tuple(skipped),
        folders,
        layout.parts,
        places.also,
        places.labels,
        none,
        places.unknown,
    )
    if min_classes > 1:
        check_classes(dataset)
    for folder in places.unknown or ():
        if not any(folder.resolve() in photo.path.resolve().parents for photo in none):
            raise DatasetError(f"no readable photo in {folder}", "put photos of other things into it")
    return dataset


def read_files(paths: Sequence[Path], threads: int, cache: Path | None = None) -> list[Photo | Skipped]:
    """Reads files that are in no class folder: the photo in each, with label ``NO_CLASS``, or why there is none.

    Args:
        paths: the files.
        threads: files that are read at a time.
        cache: as in ``scan``.

    Raises:
        CacheError: the cache cannot be used.
    """
    return _all_entries([_File(path, NO_CLASS, "") for path in paths], threads, cache)


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


class _File(NamedTuple):
    """A file in a class folder, with the label and the part of that folder."""

    path: Path
    label: int
    part: str

    def photo(self, facts: PhotoFacts) -> Photo:
        """The photo in the file."""
        size = facts.width, facts.height
        return Photo(
            path=self.path, label=self.label, digest=facts.digest, size=size, part=self.part, unusual=facts.unusual
        )


def _all_entries(jobs: Sequence[_File], threads: int, cache: Path | None) -> list[Photo | Skipped]:
    entries: list[Photo | Skipped] = []
    with ThreadPoolExecutor(threads) as pool, nullcontext() if cache is None else KnownPhotos(cache) as known:
        for start in range(0, len(jobs), _AT_ONCE):  # for 100,000 files at once, the pool would take most of the memory
            entries += _entries(jobs[start : start + _AT_ONCE], pool, known)
    return entries


def _entries(jobs: Sequence[_File], pool: Executor, known: KnownPhotos | None) -> list[Photo | Skipped]:
    """The photo in each file, or why there is none; reads the files whose facts are not known."""
    if known is None:
        return [_entry(job, facts) for job, facts in zip(jobs, pool.map(_read, jobs), strict=True)]
    keys = [key_of(job.path) for job in jobs]
    kept = known.find(keys)
    unread = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in kept]
    read = dict(zip((job.path for _, job in unread), pool.map(_read, (job for _, job in unread)), strict=True))
    # What changed while it was read has another key now.
    new = [(key, read[job.path]) for key, job in unread if key is not None and key_of(job.path) == key]
    known.keep([(key, facts) for key, facts in new if isinstance(facts, PhotoFacts)])
    return [_entry(job, kept[key] if key in kept else read[job.path]) for key, job in zip(keys, jobs, strict=True)]


def _entry(job: _File, facts: PhotoFacts | str) -> Photo | Skipped:
    return Skipped(job.path, facts) if isinstance(facts, str) else job.photo(facts)


def _read(job: _File) -> PhotoFacts | str:
    """Reads a file; returns the reason why it cannot be used if it cannot."""
    try:
        data = read_photo(job.path)
        header = checked_header(data)
    except PhotoError as error:
        return str(error)
    return PhotoFacts(hashlib.sha256(data).hexdigest(), header.width, header.height, header.unusual)


def _times(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
