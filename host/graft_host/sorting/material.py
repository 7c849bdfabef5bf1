"""Gathers what a sorting table is laid out from: pictures, classes, and groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from graft_host.photos.dataset import Dataset, Photo, read_files, scan
from graft_host.photos.folders import files
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.layout import is_unknown
from graft_host.sorting.answers import checked_model, model_answers
from graft_host.sorting.comparing import Compared, compare
from graft_host.sorting.grouping import Evidence, Known, arranged
from graft_host.sorting.options import SortOptions
from graft_host.sorting.pictures import Inbox, find_pictures
from graft_host.sorting.places import BIN, Folders
from graft_host.sorting.state import Destination, Group, Left
from graft_host.support.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a sorting table is laid out from.

    Attributes:
        inbox: the pictures to sort; those that cannot be decoded are among the files that are left.
        evidence: what they are arranged by.
        groups: all of them in groups.
        labels: the classes that are offered, also those without photos.
        counts: the number of photos in each class, among the unknown ones, and in the bin.
    """

    inbox: Inbox
    evidence: Evidence
    groups: tuple[Group, ...]
    labels: tuple[str, ...]
    counts: Mapping[Destination, int]


def gathered(options: SortOptions, folders: Folders, cache: Path, threads: int, reporter: Reporter) -> Material:
    """Reads the folders, compares the pictures, and arranges them in groups.

    Args:
        options: what compares the pictures.
        folders: the inbox and the photos.
        cache: the folder of caches.
        threads: the number of cores to use.
        reporter: receives progress and notes.

    Raises:
        GraftError: a folder, the model, the weights or the cache cannot be used.
    """
    model = None if options.model is None else checked_model(options.model, reporter)
    with reporter.progress("reading"):
        inbox = find_pictures(folders.inbox, threads, cache)
        dataset = _photos(folders.photos, threads, cache)
        binned = _binned(folders, threads, cache)
    photos = [found.photo for found in inbox.found]
    compared = compare(dataset, photos, binned, options.network, cache, threads, reporter)
    inbox = _decodable(inbox, compared)
    answers = None if model is None else model_answers(model, compared.pictures, threads, reporter)
    evidence = Evidence(known=_known(compared.dataset), rows=compared.rows, answers=answers)
    with reporter.progress("grouping"):
        groups = arranged(inbox.found, evidence, threads)
    offered = {*dataset.labels, *(found.said for found in inbox.found), *(() if model is None else model.labels)}
    return Material(
        inbox=inbox,
        evidence=evidence,
        groups=groups,
        labels=tuple(sorted(label for label in offered if label and not is_unknown(label))),
        counts=_counts(dataset, len(binned)),
    )


def _photos(root: Path, threads: int, cache: Path) -> Dataset:
    return scan(PhotoPlaces(root=root, unknown=()), threads, 0, cache) if root.exists() else Dataset(root, (), (), ())


def _binned(folders: Folders, threads: int, cache: Path) -> list[Photo]:
    folder = folders.inbox / BIN
    entries = read_files(list(files(folder)), threads, cache) if folder.is_dir() else []
    return [entry for entry in entries if isinstance(entry, Photo)]


def _decodable(inbox: Inbox, compared: Compared) -> Inbox:
    """The inbox with the groups of near duplicates, and without pictures that cannot be decoded."""
    photos = {photo.path: photo for photo in compared.pictures}
    lost = [found for found in inbox.found if found.photo.path not in photos]
    return replace(
        inbox,
        found=tuple(replace(found, photo=photos[found.photo.path]) for found in inbox.found if found not in lost),
        skipped=inbox.skipped + tuple(Left(found.picture.name, compared.failures[found.photo.path]) for found in lost),
    )


def _known(dataset: Dataset) -> list[Known]:
    return [
        Known(path=photo.path, digest=photo.digest, place=photo.place, label=dataset.name_of(photo.label))
        for photo in dataset.everything
    ]


def _counts(dataset: Dataset, binned: int) -> Mapping[Destination, int]:
    counts = Counter(Destination("class", dataset.labels[photo.label]) for photo in dataset.photos)
    counts[Destination("unknown")] = len(dataset.negatives)
    counts[Destination("bin")] = binned
    return counts
