"""Splits a data set into training, validation and test photos; added photos don't move the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.folders import quoted
from graft_host.photos.split_rule import SplitRule

_NEEDED = ("train", "test")
_SEEDS_TO_TRY = 1000
_RECORDED_DIGITS = (
    16  # of a digest; in a data set of a million photos, the chance that two share them is 1 in 30 million
)


@dataclass(frozen=True)
class Split:
    """The three parts of a data set; identical photos are always in the same part.

    Attributes:
        train: photos to train on.
        validation: photos that choose the regularization.
        test: photos that training does not see.
        divided: groups of near duplicates that are in several parts, because a class would lack a part otherwise.
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
        """The number of photos in each part, and the number skipped."""
        return {**{name: len(photos) for name, photos in self.parts.items()}, "skipped": skipped}

    def record(self, rule: SplitRule) -> dict[str, Any]:
        """The split as the model card stores it, for ``RecordedSplit.read``."""
        moved = self.moved(rule)
        return {
            "seed": rule.seed,
            "test_percent": rule.test_percent,
            "validation_percent": rule.validation_percent,
            "test": sorted({photo.digest[:_RECORDED_DIGITS] for photo in self.test}),
            **({"moved": moved} if moved else {}),
        }

    def moved(self, rule: SplitRule) -> dict[str, str]:
        """The photos that are not where the rule alone would put them, because they follow their near duplicates.

        Returns:
            The part by the first 16 hex digits of the digest.
        """
        return {
            photo.digest[:_RECORDED_DIGITS]: name
            for name, photos in self.parts.items()
            for photo in photos
            if rule.part(photo.digest) != name
        }


@dataclass(frozen=True)
class RecordedSplit:
    """The split of an earlier run, which gives the part of any photo from its content.

    Attributes:
        rule: the rule of that run.
        moved: the exceptions to the rule: ``Split.moved`` of that run.
        test: the first 16 hex digits of its test photos' digests; None for a model that doesn't record them.
    """

    rule: SplitRule
    moved: Mapping[str, str] = field(default_factory=dict)
    test: frozenset[str] | None = None

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> RecordedSplit:
        """Reads the result of ``Split.record``; raises KeyError, TypeError or ValueError for anything else."""
        rule = SplitRule(int(record["seed"]), float(record["test_percent"]), float(record["validation_percent"]))
        test = record.get("test")
        return cls(rule, dict(record.get("moved", {})), None if test is None else frozenset(map(str, test)))

    def part(self, digest: str) -> str:
        """Returns the part in which that run had, or would have put, a photo; no other photo is needed."""
        return self.moved.get(digest[:_RECORDED_DIGITS]) or self.rule.part(digest)

    def new_to_test(self, digest: str) -> bool:
        """Whether the rule makes a photo a test photo, but the test photos that the run recorded don't include it."""
        return self.test is not None and digest[:_RECORDED_DIGITS] not in self.test and self.part(digest) == "test"


def split(dataset: Dataset, rule: SplitRule) -> Split:
    """Splits a data set. A photo's part depends only on its content and the seed; near duplicates stay together.

    A group of near duplicates is divided only if a class would otherwise have no photo to train on or to test on, as
    may happen with the photos of a fixed camera, which look alike. ``Split.divided`` names such groups.

    Raises:
        DatasetError: a class has no photo to train on or to test on; the message names it, and what would help.
    """
    parts, divided = _spread(dataset, rule)
    if missing := _missing(dataset, parts):
        counts = Counter(photo.label for photo in dataset.photos)
        lacks = [f"{quoted([dataset.labels[i]])} has no {name} photo among its {counts[i]}" for i, name in missing]
        raise DatasetError("; ".join(lacks), split_advice(dataset, rule))
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), tuple(sorted(divided)))


def shortages(dataset: Dataset, rule: SplitRule) -> dict[int, list[str]]:
    """Returns the classes for which ``split`` fails, each with the parts (``train``, ``test``) that it lacks."""
    lacking: dict[int, list[str]] = {}
    for label, name in _missing(dataset, _spread(dataset, rule)[0]):
        lacking.setdefault(label, []).append(name)
    return lacking


def split_advice(dataset: Dataset, rule: SplitRule) -> str:
    """Advises what to do about a data set that cannot be split."""
    contents: list[set[str]] = [set() for _ in dataset.labels]
    for photo in dataset.photos:
        contents[photo.label].add(photo.digest)
    if min(map(len, contents)) < len(_NEEDED):
        return "add photos; a class needs at least two different ones"
    for seed in range(_SEEDS_TO_TRY):
        other = replace(rule, seed=seed)
        if all(any(other.part(digest) == name for digest in digests) for digests in contents for name in _NEEDED):
            return f"add photos, or choose another split with --seed {seed}"
    return "add photos, or change --test-percent"


def _spread(dataset: Dataset, rule: SplitRule) -> tuple[dict[str, list[Photo]], set[str]]:
    """Returns the parts, and the groups that had to be divided; a class may still lack a part."""
    divided: set[str] = set()
    while True:
        parts = _divide(dataset, rule, divided)
        spread = _to_spread(dataset, rule, _missing(dataset, parts), divided)
        if spread is None:
            return parts, divided
        divided.add(spread)


def _divide(dataset: Dataset, rule: SplitRule, divided: set[str]) -> dict[str, list[Photo]]:
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    # Sorted by content, so that file names have no influence on the model.
    for photo in sorted(dataset.photos, key=lambda photo: (photo.digest, photo.label)):
        parts[rule.part(photo.digest if photo.place in divided else photo.place)].append(photo)
    return parts


def _missing(dataset: Dataset, parts: Mapping[str, Iterable[Photo]]) -> list[tuple[int, str]]:
    """Returns each class and part where the class needs a photo in the part, but has none."""
    covered = {(photo.label, name) for name, members in parts.items() for photo in members}
    needed = [(index, name) for index in range(len(dataset.labels)) for name in _NEEDED]
    return [pair for pair in needed if pair not in covered]


def _to_spread(dataset: Dataset, rule: SplitRule, missing: Iterable[tuple[int, str]], divided: set[str]) -> str | None:
    """Returns the smallest group whose division gives a class the first part that it lacks; None without one."""
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
