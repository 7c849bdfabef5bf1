"""The split of a data set into photos to train on, to validate with and to test with; it stays put."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.folders import quoted

_NEEDED = ("train", "test")
_SEEDS_TO_TRY = 1000
_RECORDED_DIGITS = 16  # of a digest; among a million photos, two share them once in 30 million data sets


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

    def record(self, rule: SplitRule) -> dict[str, Any]:
        """What a model card keeps of the split, for ``RecordedSplit.read``."""
        moved = self.moved(rule)
        return {
            "seed": rule.seed,
            "test_percent": rule.test_percent,
            "validation_percent": rule.validation_percent,
            "test": sorted({photo.digest[:_RECORDED_DIGITS] for photo in self.test}),
            **({"moved": moved} if moved else {}),
        }

    def moved(self, rule: SplitRule) -> dict[str, str]:
        """The photos that near duplicates keep from where the rule alone would put them.

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
    """The split of an earlier run, told again for any photo by its content.

    Attributes:
        rule: of that run.
        moved: ``Split.moved`` of it.
        test: first 16 hex digits of its test photos' digests; None for a model that doesn't say.
    """

    rule: SplitRule
    moved: Mapping[str, str] = field(default_factory=dict)
    test: frozenset[str] | None = None

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> RecordedSplit:
        """Reads ``Split.record``; raises KeyError, TypeError or ValueError if it is none."""
        rule = SplitRule(int(record["seed"]), float(record["test_percent"]), float(record["validation_percent"]))
        test = record.get("test")
        return cls(rule, dict(record.get("moved", {})), None if test is None else frozenset(map(str, test)))

    def part(self, digest: str) -> str:
        """Where that run had, or would have put, a photo's content; needs no look at other photos."""
        return self.moved.get(digest[:_RECORDED_DIGITS]) or self.rule.part(digest)

    def new_to_test(self, digest: str) -> bool:
        """Whether the rule makes it a test photo though that run, which lists its own, had no such photo."""
        return self.test is not None and digest[:_RECORDED_DIGITS] not in self.test and self.part(digest) == "test"


def split(dataset: Dataset, rule: SplitRule) -> Split:
    """Divides the photos by their content and the seed alone, near duplicates together.

    A group of near duplicates is divided after all where a class would have no photo to train on or to test with
    otherwise, as may happen with a fixed camera's photos, which look alike; ``Split.divided`` names it.

    Raises:
        DatasetError: a class has no photo to train on or to test with; says which, and what would help.
    """
    parts, divided = _spread(dataset, rule)
    if missing := _missing(dataset, parts):
        counts = Counter(photo.label for photo in dataset.photos)
        said = [f"{quoted([dataset.labels[i]])} has no {name} photo among its {counts[i]}" for i, name in missing]
        raise DatasetError(f"{'; '.join(said)}: {split_advice(dataset, rule)}")
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), tuple(sorted(divided)))


def shortages(dataset: Dataset, rule: SplitRule) -> dict[int, list[str]]:
    """The classes for which ``split`` fails, each with the parts (``train``, ``test``) that it has no photo for."""
    found: dict[int, list[str]] = {}
    for label, name in _missing(dataset, _spread(dataset, rule)[0]):
        found.setdefault(label, []).append(name)
    return found


def split_advice(dataset: Dataset, rule: SplitRule) -> str:
    """What to do about a data set that cannot be split."""
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


def _spread(dataset: Dataset, rule: SplitRule) -> tuple[dict[str, list[Photo]], set[str]]:
    """The parts, and the groups that were divided so that no class lacks one; some may all the same."""
    divided: set[str] = set()
    while True:
        parts = _divide(dataset, rule, divided)
        spread = _to_spread(dataset, rule, _missing(dataset, parts), divided)
        if spread is None:
            return parts, divided
        divided.add(spread)


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
