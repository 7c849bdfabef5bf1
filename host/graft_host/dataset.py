"""A folder per class becomes labels, photos, and a split that stays put."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from graft_device.errors import DatasetError, PhotoError
from graft_device.preprocess import check_header, read_photo
from graft_host.folders import class_folders, entries_of_root, files, quoted

_NEEDED = ("train", "test")
_SEEDS_TO_TRY = 1000
_RECORDED_DIGITS = 16  # of a digest; among a million photos, two share them once in 30 million data sets


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Split:
    """The three parts of a data set; no content is in two of them.

    Attributes:
        train: photos to train on.
        validation: photos that choose the regularization.
        test: photos that training does not see.
        divided: groups of near duplicates that lie in several parts, as a class would have lacked one otherwise.
    """

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    divided: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, tuple[Photo, ...]]:
        """The photos of each part by its name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def counts(self, skipped: int) -> dict[str, int]:
        """How many photos each part has, beside those that were skipped."""
        return {**{name: len(photos) for name, photos in self.parts.items()}, "skipped": skipped}

    def moved(self, rule: SplitRule) -> dict[str, str]:
        """The photos that near duplicates keep from where the rule alone would put them, to be recorded with a model.

        Returns:
            Part by the first 16 hex digits of the digest.
        """
        return {
            photo.digest[:_RECORDED_DIGITS]: name
            for name, photos in self.parts.items()
            for photo in photos
            if rule.part(photo.digest) != name
        }


@dataclass(frozen=True)
class SplitRule:
    """Which share of the photos goes where, in percent, and the seed that shuffles them."""

    seed: int = 0
    test_percent: float = 15
    validation_percent: float = 15

    def part(self, digest: str) -> str:
        """``test``, ``validation`` or ``train`` for a photo's content, whatever else is in the data set."""
        mixed = hashlib.sha256(f"graft-split:{self.seed}:{digest}".encode()).digest()
        percent = int.from_bytes(mixed[:8], "big") / 2**64 * 100
        if percent < self.test_percent:
            return "test"
        return "validation" if percent < self.test_percent + self.validation_percent else "train"


@dataclass(frozen=True)
class RecordedSplit:
    """The split of an earlier run: its rule, and ``Split.moved`` of it."""

    rule: SplitRule
    moved: Mapping[str, str] = field(default_factory=dict)

    def part(self, digest: str) -> str:
        """Where that run had, or would have put, a photo's content; needs no look at other photos."""
        return self.moved.get(digest[:_RECORDED_DIGITS]) or self.rule.part(digest)


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
        looked = list(pool.map(lambda job: _look(*job), jobs))
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


def split(dataset: Dataset, rule: SplitRule) -> Split:
    """Divides the photos by their content and the seed alone, near duplicates together.

    A group of near duplicates is divided after all where a class would have no photo to train on or to test with
    otherwise, as may happen with a fixed camera's photos, which look alike; ``Split.divided`` names it.

    Raises:
        DatasetError: a class has no photo to train on or to test with; says which, and what would help.
    """
    divided: set[str] = set()
    while True:
        parts = _divide(dataset, rule, divided)
        missing = _missing(dataset, parts)
        spread = _to_spread(dataset, rule, missing, divided)
        if spread is None:
            break
        divided.add(spread)
    if missing:
        counts = Counter(photo.label for photo in dataset.photos)
        said = [f"{quoted([dataset.labels[i]])} has no {name} photo among its {counts[i]}" for i, name in missing]
        raise DatasetError(f"{'; '.join(said)}: {_split_advice(dataset, rule)}")
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), tuple(sorted(divided)))


def _divide(dataset: Dataset, rule: SplitRule, divided: set[str]) -> dict[str, list[Photo]]:
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    # In the order of their content: the files' names have no influence on the model.
    for photo in sorted(dataset.photos, key=lambda photo: (photo.digest, photo.label)):
        parts[rule.part(photo.digest if photo.place in divided else photo.place)].append(photo)
    return parts


def _missing(dataset: Dataset, parts: Mapping[str, Iterable[Photo]]) -> list[tuple[int, str]]:
    """The classes that lack a part that they need."""
    covered = {(photo.label, name) for name, members in parts.items() for photo in members}
    needed = [(index, name) for index in range(len(dataset.labels)) for name in _NEEDED]
    return [pair for pair in needed if pair not in covered]


def _to_spread(dataset: Dataset, rule: SplitRule, missing: Iterable[tuple[int, str]], divided: set[str]) -> str | None:
    """The smallest group that, divided by content, gives a class the first part that it lacks; None if none does."""
    sizes = Counter(photo.place for photo in dataset.photos)
    for label, name in missing:
        helpful = {
            photo.place
            for photo in dataset.photos
            if photo.label == label and photo.place not in divided and rule.part(photo.digest) == name
        }
        if helpful:
            return min(helpful, key=lambda group: (sizes[group], group))
    return None


def conflicts(dataset: Dataset) -> list[tuple[Photo, Photo]]:
    """Pairs of byte-identical photos that lie in different classes."""
    first: dict[str, Photo] = {}
    pairs = []
    for photo in dataset.photos:
        other = first.setdefault(photo.digest, photo)
        if other.label != photo.label:
            pairs.append((other, photo))
    return pairs


def _look(path: Path, label: int) -> Photo | Skipped:
    try:
        data = read_photo(path)
        size = check_header(data)
    except PhotoError as error:
        return Skipped(path, str(error))
    return Photo(path, label, hashlib.sha256(data).hexdigest(), size=size)


def _split_advice(dataset: Dataset, rule: SplitRule) -> str:
    contents: list[set[str]] = [set() for _ in dataset.labels]
    for photo in dataset.photos:
        contents[photo.label].add(photo.digest)
    if min(map(len, contents)) < len(_NEEDED):
        return "add photos, a class needs at least two different ones"
    for seed in range(_SEEDS_TO_TRY):
        other = replace(rule, seed=seed)
        if all(any(other.part(digest) == name for digest in digests) for digests in contents for name in _NEEDED):
            return f"add photos, or choose another split with --seed {seed}"
    return "add photos, or change --test-percent"


def _times(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
