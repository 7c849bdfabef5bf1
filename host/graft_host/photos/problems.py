"""Searches a data set for problems, and reports each with the files concerned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.findings import KINDS, Finding, Mislabel
from graft_host.photos.folders import quoted
from graft_host.photos.split import shortages
from graft_host.photos.split_rule import SplitRule
from graft_host.photos.split_text import split_advice

IMBALANCE = 3.0
"""An imbalance is reported if the largest class has at least this many times the photos of the smallest."""

FEW_PHOTOS = 20
"""A class with fewer different photos is reported: of 20, about 3 are kept for the test."""

ENLARGED = 2.0
"""A photo that the network enlarges by more than this factor is reported as tiny."""


def find_problems(
    dataset: Dataset, image_size: int, mislabels: Sequence[Mislabel] = (), rule: SplitRule | None = None
) -> tuple[Finding, ...]:
    """Searches for every kind of problem that needs no network, and adds the mislabels that the network found.

    Args:
        dataset: the photos, grouped by ``group_near_duplicates``; those that cannot be decoded are in ``skipped``.
        image_size: side of the network's input in pixels.
        mislabels: photos that are probably in the wrong class; their indices refer to ``dataset.photos``.
        rule: the rule by which training would split the photos; None if they are split already.

    Returns:
        The findings in the order of ``KINDS``.
    """
    findings = [
        *_classes(dataset),
        *(_unsplittable(dataset, rule) if rule is not None else ()),
        *_skipped(dataset),
        *_leaks(dataset),
        *_identical(dataset),
        *_near(dataset),
        *_mislabelled(dataset, mislabels),
        *_balance(dataset),
        *_tiny(dataset, image_size),
    ]
    order = list(KINDS)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.kind)))


def _finding(kind: str, paths: Iterable[Path], problem: str, advice: str = "", **details: Any) -> Finding:
    return Finding(kind=kind, paths=tuple(paths), problem=problem, advice=advice or KINDS[kind].advice, details=details)


def _classes(dataset: Dataset) -> list[Finding]:
    numbers = Counter(photo.label for photo in dataset.photos)
    findings = [
        _finding("class", dataset.folders_of(index), f"{_of(dataset, index)}no readable photo", label=label)
        for index, label in enumerate(dataset.labels)
        if not numbers[index]
    ]
    if len(dataset.labels) == 1:
        advice = "add a folder with photos of another class"
        findings.append(_finding("class", [dataset.root], "only one class", advice, label=dataset.labels[0]))
    return findings


def _of(dataset: Dataset, label: int) -> str:
    """Names a class where its folders do not: a list of labels has several."""
    return f"'{dataset.labels[label]}': " if dataset.lists else ""


def _unsplittable(dataset: Dataset, rule: SplitRule) -> list[Finding]:
    """Finds the classes that have photos, but that training refuses."""
    numbers = Counter(photo.label for photo in dataset.photos)
    lacking = {label: parts for label, parts in shortages(dataset, rule).items() if numbers[label]}
    return [
        _finding(
            "split",
            dataset.folders_of(label),
            f"{_of(dataset, label)}no {' and no '.join(parts)} photo among its {numbers[label]}",
            split_advice(dataset, {label: parts}),
            label=dataset.labels[label],
            missing=parts,
        )
        for label, parts in sorted(lacking.items())
    ]


def _skipped(dataset: Dataset) -> list[Finding]:
    return [_finding("stray" if skip.stray else "unreadable", [skip.path], skip.reason) for skip in dataset.skipped]


def _leaks(dataset: Dataset) -> list[Finding]:
    """Finds the groups whose photos are in several of the folders that give the split."""
    findings = []
    for photos in _groups(dataset.everything, lambda photo: photo.place):
        if parts := _parts(dataset, photos):
            names = [dataset.parts[part].name for part in parts]
            problem = f"{len(photos)} versions of one photo, in {quoted(names)}"
            findings.append(_finding("leak", [photo.path for photo in photos], problem, parts=parts))
    return findings


def _parts(dataset: Dataset, photos: Iterable[Photo]) -> list[str]:
    """Returns the given parts that photos are in; none if it is only one."""
    parts = [part for part in dataset.parts if part in {photo.part for photo in photos}]
    return parts if len(parts) > 1 else []


def _identical(dataset: Dataset) -> list[Finding]:
    return [
        _group("identical", dataset, photos)
        for photos in _groups(dataset.everything, lambda photo: photo.digest)
        if len(photos) > 1 and not _only_leak(dataset, photos)
    ]


def _near(dataset: Dataset) -> list[Finding]:
    findings = []
    for photos in _groups(dataset.everything, lambda photo: photo.place):
        first = {(photo.digest, photo.label): photo for photo in reversed(photos)}
        if len({photo.digest for photo in photos}) > 1 and not _only_leak(dataset, photos):
            findings.append(_group("near", dataset, list(reversed(first.values()))))
    return findings


def _only_leak(dataset: Dataset, photos: Iterable[Photo]) -> bool:
    """Whether a group of one class is reported as a leak: it does not stay on one side of the split."""
    return len({photo.label for photo in photos}) == 1 and bool(_parts(dataset, photos))


def _groups(photos: Iterable[Photo], key: Callable[[Photo], str]) -> list[list[Photo]]:
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[key(photo)].append(photo)
    return list(groups.values())


def _group(kind: str, dataset: Dataset, photos: Sequence[Photo]) -> Finding:
    labels = [dataset.name_of(label) for label in sorted({photo.label for photo in photos})]
    across = f"{kind}_across" if len(labels) > 1 else kind
    name = "identical files" if kind == "identical" else "versions of one photo"
    return _finding(across, [photo.path for photo in photos], f"{len(photos)} {name}", labels=labels)


def _mislabelled(dataset: Dataset, mislabels: Iterable[Mislabel]) -> list[Finding]:
    findings = []
    for mislabel in mislabels:
        photo, suggested = dataset.photos[mislabel.index], dataset.labels[mislabel.suggested]
        label, probability = dataset.labels[photo.label], mislabel.probability
        findings.append(
            _finding(
                "mislabel",
                [photo.path],
                f"looks like '{suggested}' ({probability:.0%}), but is in '{label}'",
                f"look at it; if it shows '{suggested}', move it there",
                label=label,
                suggested=suggested,
                probability=probability,
                margin=mislabel.margin,
                chance=mislabel.chance,
            )
        )
    return findings


def _balance(dataset: Dataset) -> list[Finding]:
    numbers = Counter(photo.label for photo in dataset.photos)
    different = Counter(label for label, _ in {(photo.label, photo.place) for photo in dataset.photos})
    findings = [
        _finding("few", dataset.folders_of(index), f"{_of(dataset, index)}only {count} different", photos=count)
        for index, count in sorted(different.items())
        if count < FEW_PHOTOS
    ]
    if not numbers:
        return findings
    (large, most), (small, least) = (choose(numbers.items(), key=lambda entry: entry[1]) for choose in (max, min))
    if most >= IMBALANCE * least:
        names = dataset.labels[large], dataset.labels[small]
        problem = f"'{names[0]}' has {most:,} photos, {most / least:.3g} times as many as '{names[1]}' with {least:,}"
        folders = [*dataset.folders_of(large), *dataset.folders_of(small)]
        findings.append(_finding("imbalance", folders, problem, largest=most, smallest=least, ratio=most / least))
    return findings


def _tiny(dataset: Dataset, image_size: int) -> list[Finding]:
    return [
        _finding(
            "tiny",
            [photo.path],
            f"{photo.size[0]} x {photo.size[1]}, enlarged to {image_size} x {image_size}",
            width=photo.size[0],
            height=photo.size[1],
        )
        for photo in dataset.everything
        if photo.size is not None and min(photo.size) * ENLARGED < image_size
    ]
