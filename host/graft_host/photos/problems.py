"""What is wrong with a data set: each finding with its files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.findings import KINDS, Finding, Mislabel
from graft_host.photos.split import SplitRule, shortages, split_advice

IMBALANCE = 3.0
"""Times as many photos as the smallest class from which the largest is reported."""

FEW_PHOTOS = 20
"""Different photos below which a class is reported: some 3 of 20 are kept to test with."""

ENLARGED = 2.0
"""Times that a photo may be enlarged for the network before it is reported as tiny."""


def find_problems(
    dataset: Dataset, image_size: int, mislabels: Sequence[Mislabel] = (), rule: SplitRule | None = None
) -> tuple[Finding, ...]:
    """Looks for all that is known without the network, and adds what the network said.

    Args:
        dataset: its photos grouped by ``group_near_duplicates``, what cannot be decoded among ``skipped``.
        image_size: side of the network's input in pixels.
        mislabels: their indices are those of ``dataset.photos``.
        rule: by which training would split them; None for photos that are split already.
    """
    found = [
        *_classes(dataset),
        *(_unsplittable(dataset, rule) if rule is not None else ()),
        *_skipped(dataset),
        *_identical(dataset),
        *_near(dataset),
        *_mislabelled(dataset, mislabels),
        *_balance(dataset),
        *_tiny(dataset, image_size),
    ]
    order = list(KINDS)
    return tuple(sorted(found, key=lambda finding: order.index(finding.kind)))


def _finding(kind: str, paths: Iterable[Path], problem: str, advice: str = "", **details: Any) -> Finding:
    return Finding(kind, tuple(paths), problem, advice or KINDS[kind].advice, details)


def _classes(dataset: Dataset) -> list[Finding]:
    numbers = Counter(photo.label for photo in dataset.photos)
    found = [
        _finding("class", [dataset.root / label], "no readable photo", label=label)
        for index, label in enumerate(dataset.labels)
        if not numbers[index]
    ]
    if len(dataset.labels) == 1:
        advice = "add a folder with photos of another class"
        found.append(_finding("class", [dataset.root], "one class only", advice, label=dataset.labels[0]))
    return found


def _unsplittable(dataset: Dataset, rule: SplitRule) -> list[Finding]:
    """The classes with photos that training refuses all the same."""
    numbers = Counter(photo.label for photo in dataset.photos)
    lacking = {label: parts for label, parts in shortages(dataset, rule).items() if numbers[label]}
    advice = split_advice(dataset, rule) if lacking else ""
    return [
        _finding(
            "split",
            [dataset.root / dataset.labels[label]],
            f"no {' and no '.join(parts)} photo among its {numbers[label]}",
            advice,
            label=dataset.labels[label],
            missing=parts,
        )
        for label, parts in sorted(lacking.items())
    ]


def _skipped(dataset: Dataset) -> list[Finding]:
    return [
        _finding("stray" if skip.path.parent == dataset.root else "unreadable", [skip.path], skip.reason)
        for skip in dataset.skipped
    ]


def _identical(dataset: Dataset) -> list[Finding]:
    return [
        _set("identical", dataset, photos)
        for photos in _gathered(dataset.photos, lambda photo: photo.digest)
        if len(photos) > 1
    ]


def _near(dataset: Dataset) -> list[Finding]:
    found = []
    for photos in _gathered(dataset.photos, lambda photo: photo.place):
        first = {(photo.digest, photo.label): photo for photo in reversed(photos)}
        if len({photo.digest for photo in photos}) > 1:
            found.append(_set("near", dataset, list(reversed(first.values()))))
    return found


def _gathered(photos: Iterable[Photo], key: Callable[[Photo], str]) -> list[list[Photo]]:
    sets: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        sets[key(photo)].append(photo)
    return list(sets.values())


def _set(kind: str, dataset: Dataset, photos: Sequence[Photo]) -> Finding:
    labels = [dataset.labels[label] for label in sorted({photo.label for photo in photos})]
    across = f"{kind}_across" if len(labels) > 1 else kind
    what = "the same bytes" if kind == "identical" else "the same picture"
    return _finding(across, [photo.path for photo in photos], f"{what} {len(photos)} times", labels=labels)


def _mislabelled(dataset: Dataset, mislabels: Iterable[Mislabel]) -> list[Finding]:
    found = []
    for mislabel in mislabels:
        photo, suggested = dataset.photos[mislabel.index], dataset.labels[mislabel.suggested]
        label, sure = dataset.labels[photo.label], mislabel.probability
        found.append(
            _finding(
                "mislabel",
                [photo.path],
                f"looks like '{suggested}' ({sure:.0%}), lies in '{label}'",
                f"look at it; if it shows '{suggested}', move it there",
                label=label,
                suggested=suggested,
                probability=sure,
                margin=mislabel.margin,
            )
        )
    return found


def _balance(dataset: Dataset) -> list[Finding]:
    numbers = Counter(photo.label for photo in dataset.photos)
    different = Counter(label for label, _ in {(photo.label, photo.place) for photo in dataset.photos})
    found = [
        _finding("few", [dataset.root / dataset.labels[index]], f"{count} different", photos=count)
        for index, count in sorted(different.items())
        if count < FEW_PHOTOS
    ]
    if not numbers:
        return found
    (large, most), (small, least) = (choose(numbers.items(), key=lambda entry: entry[1]) for choose in (max, min))
    if most >= IMBALANCE * least:
        names = dataset.labels[large], dataset.labels[small]
        problem = f"'{names[0]}' has {most:,} photos, '{names[1]}' {least:,}: {most / least:.3g} times as many"
        folders = [dataset.root / name for name in names]
        found.append(_finding("imbalance", folders, problem, largest=most, smallest=least, ratio=most / least))
    return found


def _tiny(dataset: Dataset, image_size: int) -> list[Finding]:
    return [
        _finding(
            "tiny",
            [photo.path],
            f"{photo.size[0]} x {photo.size[1]}, enlarged to {image_size} x {image_size}",
            width=photo.size[0],
            height=photo.size[1],
        )
        for photo in dataset.photos
        if photo.size is not None and min(photo.size) * ENLARGED < image_size
    ]
