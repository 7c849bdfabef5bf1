"""Reads the photos of sources, gives them the labels of the target, and leaves out what the target shows already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, Photo, Skipped, scan
from graft_host.photos.fingerprints import fingerprints
from graft_host.photos.folders import quoted
from graft_host.photos.near_duplicates import near_duplicates
from graft_host.support.progress import Progress
from graft_host.support.sentence import listed

_CALIBRATES = 16
_MOST_NAMES = 8


@dataclass(frozen=True)
class Duplicate:
    """A source photo that is a near duplicate of a photo of the target, or of an earlier source.

    Attributes:
        path: of the photo.
        of: the photo that it is a near duplicate of.
    """

    path: Path
    of: Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """The photos of one source folder.

    Attributes:
        root: the folder.
        photos: the photos that are trained on, with the labels of the target.
        skipped: the files that cannot be used.
        other_classes: the number of photos of each class that the target does not have.
        duplicates: the photos that are left out because another photo shows the same.
    """

    root: Path
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...] = ()
    other_classes: Mapping[str, int] = field(default_factory=dict)
    duplicates: tuple[Duplicate, ...] = ()

    def without(self, failures: Mapping[str, str]) -> Source:
        """Moves the photos whose digest is in ``failures`` (digest to reason) to ``skipped``."""
        kept = tuple(photo for photo in self.photos if photo.digest not in failures)
        failed = tuple(Skipped(p.path, failures[p.digest]) for p in self.photos if p.digest in failures)
        return replace(self, photos=kept, skipped=self.skipped + failed)

    def notes(self) -> Iterator[str]:
        """The lines about photos that are left out, without those that cannot be read."""
        if self.other_classes:
            names = [f"'{label}' ({_photos(count)})" for label, count in self.other_classes.items()]
            if len(names) > _MOST_NAMES:
                names[_MOST_NAMES:] = [f"{len(names) - _MOST_NAMES:,} more"]
            yield f"note: {self.root} has classes that the target does not have, left out: {listed(names)}"
        if self.duplicates:
            count = len(self.duplicates)
            are = "1 photo is left out: " if count == 1 else f"{count:,} photos are left out: "
            yield f"note: {self.root}: {are}the target or an earlier source has near duplicates"

    def to_json(self) -> dict[str, Any]:
        """The folder, the number of its photos that are trained on, and what is left out."""
        return {
            "path": os.fsdecode(self.root),
            "photos": len(self.photos),
            "other_classes": dict(self.other_classes),
            "near_duplicates": [
                {"path": os.fsdecode(pair.path), "of": os.fsdecode(pair.of)} for pair in self.duplicates
            ],
            "skipped": [{"path": os.fsdecode(skip.path), "reason": skip.reason} for skip in self.skipped],
        }


@dataclass(frozen=True)
class Sources:
    """The photos of all sources.

    Attributes:
        folders: each source, in the order in which they were given.
    """

    folders: tuple[Source, ...] = ()

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The photos that are trained on, in an order that does not depend on the names of files."""
        photos = (photo for source in self.folders for photo in source.photos)
        return tuple(sorted(photos, key=lambda photo: (photo.digest, photo.label)))

    @property
    def calibrating(self) -> tuple[Photo, ...]:
        """A few photos, evenly from all classes, that the ranges of the backbone are measured on, too."""
        ranks: Counter[int] = Counter()
        ranked = []
        for photo in self.photos:
            ranked.append((ranks[photo.label], photo.label, photo.digest, photo))
            ranks[photo.label] += 1
        return tuple(entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3])[:_CALIBRATES])

    def without(self, failures: Mapping[str, str]) -> Sources:
        """Moves the photos whose digest is in ``failures`` (digest to reason) to those that are skipped."""
        return Sources(tuple(source.without(failures) for source in self.folders))


def find_sources(target: Dataset, roots: Sequence[Path], cache: Path, threads: int, progress: Progress) -> Sources:
    """Reads the photos of source folders, all of which train.

    Photos of classes that the target does not have are left out, and so are near duplicates of photos of the target and
    of earlier sources: they show nothing that is not trained on or tested with already.

    Args:
        target: the photos of the place.
        roots: the folders, each with a folder of photos per class.
        cache: graftkit's cache folder.
        threads: photos read at a time.
        progress: called with the number of photos compared and the number to compare.

    Raises:
        CacheError: the cache cannot be used.
        DatasetError: a folder cannot be read, or a class of the target is in none of them.
    """
    found = [_relabelled(scan(root, threads, min_classes=1, cache=cache), target.labels) for root in roots]
    check_labels(target, Sources(tuple(found)))
    photos = [*target.photos, *(photo for source in found for photo in source.photos)]
    prints = fingerprints(photos, cache, threads, progress)
    groups = {member: group[0] for group in near_duplicates(prints, threads) for member in group}
    shown: dict[str, Path] = {}
    for photo in target.photos:
        shown.setdefault(groups.get(photo.digest, photo.digest), photo.path)
    kept = []
    for source in found:
        kept.append(_without_duplicates(source.without(prints.failures), groups, shown))
        for photo in kept[-1].photos:
            shown.setdefault(groups.get(photo.digest, photo.digest), photo.path)
    check_labels(target, Sources(tuple(kept)))
    return Sources(tuple(kept))


def check_labels(target: Dataset, sources: Sources) -> None:
    """Raises DatasetError unless every class of the target has a source photo.

    Args:
        target: the photos of the place.
        sources: the photos from elsewhere.
    """
    labels = {photo.label for photo in sources.photos}
    missing = [label for index, label in enumerate(target.labels) if index not in labels]
    if not missing:
        return
    roots = quoted(os.fspath(source.root) for source in sources.folders)
    others = sorted({label for source in sources.folders for label in source.other_classes})
    duplicates = sum(len(source.duplicates) for source in sources.folders)
    if len(missing) == len(target.labels) and duplicates:
        raise DatasetError(
            f"every photo in {roots} is a near duplicate of a photo of {target.root}", "give photos from elsewhere"
        )
    if len(missing) == len(target.labels):
        theirs = f"those of {roots} are {_listed(others)}" if others else f"{roots} has no photo that can be used"
        raise DatasetError(
            f"the target and its sources have no class in common: the classes of {target.root} are "
            f"{_listed(missing)}, {theirs}",
            "give the folders of the same class the same name",
        )
    beside = f"; the sources' other classes are {_listed(others)}" if others else ""
    beside += f"; {_photos(duplicates)} left out as near duplicates of the target's" if duplicates else ""
    raise DatasetError(
        f"{_counted(missing)} of {target.root} without a photo in the sources {roots}: {_listed(missing)}{beside}",
        "add photos, or give the folders of the same class the same name",
    )


def _relabelled(dataset: Dataset, labels: Sequence[str]) -> Source:
    """A source with the labels of the target, without the classes that the target does not have."""
    places = {label: index for index, label in enumerate(labels)}
    names = [dataset.labels[photo.label] for photo in dataset.photos]
    own = tuple(
        replace(photo, label=places[name], part="")
        for photo, name in zip(dataset.photos, names, strict=True)
        if name in places
    )
    others = Counter(name for name in names if name not in places)
    unused = {
        folder for index, label in enumerate(dataset.labels) if label not in places
        for folder in dataset.folders_of(index)
    }  # fmt: skip
    skipped = tuple(skip for skip in dataset.skipped if unused.isdisjoint(skip.path.parents))
    return Source(root=dataset.root, photos=own, skipped=skipped, other_classes=dict(sorted(others.items())))


def _without_duplicates(source: Source, groups: Mapping[str, str], shown: Mapping[str, Path]) -> Source:
    """Leaves out the photos of groups that are shown already.

    Args:
        source: the source.
        groups: the group of each digest that has near duplicates.
        shown: a photo of each group of the target and of earlier sources.
    """
    kept, duplicates = [], []
    for photo in source.photos:
        group = groups.get(photo.digest, photo.digest)
        if group in shown:
            duplicates.append(Duplicate(photo.path, shown[group]))
        else:
            kept.append(photo)
    return replace(source, photos=tuple(kept), duplicates=tuple(duplicates))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _counted(labels: Sequence[str]) -> str:
    return "1 class" if len(labels) == 1 else f"{len(labels):,} classes"


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count:,} photos"
