"""Gathers what a sorting table is laid out from: pictures, classes, and groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graft_host.photos.dataset import Dataset, scan
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.layout import is_unknown
from graft_host.sorting.options import SortOptions
from graft_host.sorting.pictures import Inbox, find_pictures
from graft_host.sorting.places import Folders
from graft_host.sorting.state import Destination, Group, Picture
from graft_host.support.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a sorting table is laid out from.

    Attributes:
        inbox: the pictures to sort.
        groups: all of them in groups.
        labels: the classes that are offered, also those without photos.
        counts: the number of photos in each class, among the unknown ones, and in the bin.
    """

    inbox: Inbox
    groups: tuple[Group, ...]
    labels: tuple[str, ...]
    counts: Mapping[Destination, int]


def gathered(_options: SortOptions, folders: Folders, cache: Path, threads: int, reporter: Reporter) -> Material:
    """Reads the folders, and groups the pictures.

    Args:
        _options: what compares the pictures.
        folders: the inbox and the photos.
        cache: the folder of caches.
        threads: the number of cores to use.
        reporter: receives progress and notes.

    Raises:
        GraftError: a folder or the cache cannot be used.
    """
    with reporter.progress("reading"):
        inbox = find_pictures(folders.inbox, threads, cache)
        dataset = (
            scan(folders.photos, threads, 0, cache) if folders.photos.exists() else Dataset(folders.photos, (), (), ())
        )
    said = {found.picture.said for found in inbox.found if found.picture.said}
    labels = {label for label in {*dataset.labels, *said} if not is_unknown(label)}
    return Material(
        inbox=inbox,
        groups=_groups([found.picture for found in inbox.found]),
        labels=tuple(sorted(labels)),
        counts=_counts(dataset, folders),
    )


def _photos(root: Path, threads: int, cache: Path) -> Dataset:
    return scan(PhotoPlaces(root=root, unknown=()), threads, 0, cache) if root.exists() else Dataset(root, (), (), ())


def _counts(dataset: Dataset, folders: Folders) -> Mapping[Destination, int]:
    counts = Counter(Destination("class", dataset.labels[photo.label]) for photo in dataset.photos)
    counts[Destination("unknown")] = len(dataset.negatives)
    counts[Destination("bin")] = folders.binned()
    return counts


def _groups(pictures: list[Picture]) -> tuple[Group, ...]:
    said: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        said[picture.said or ""].append(picture)
    rest = said.pop("", [])
    groups = [
        Group(id=f"said-{place}", title=f"said: {label}", kind="said", label=label, pictures=tuple(same))
        for place, (label, same) in enumerate(sorted(said.items()), 1)
    ]
    if rest:
        groups.append(Group(id="cluster-1", title="group 1", kind="cluster", label=None, pictures=tuple(rest)))
    return tuple(groups)
