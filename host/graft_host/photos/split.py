"""Splits a data set into training, validation and test photos; added photos don't move the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.placement import DRAWN, place
from graft_host.photos.split_rule import SplitRule
from graft_host.photos.split_text import NEEDED, shortage_text, split_advice

_RECORDED_DIGITS = (
    16  # of a digest; in a data set of a million photos, the chance that two share them is 1 in 30 million
)
_FREE = {"", "train"}
"""The parts of folders from which photos are drawn for the parts that no folder gives."""


@dataclass(frozen=True)
class Split:
    """The three parts of a data set; identical photos are always in the same part.

    Attributes:
        train: photos to train on.
        validation: photos that choose the regularization.
        test: photos that training does not see.
        divided: groups of near duplicates that are in several parts, because a class would lack a part otherwise.
        given: the parts that the folders of the data set give; empty if all are drawn.
        negatives: the split of the photos that are of none of the classes; None if there are none.
    """

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    divided: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    negatives: Split | None = None

    @property
    def parts(self) -> dict[str, tuple[Photo, ...]]:
        """The photos of each part by its name, without negatives."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def counts(self, skipped: int) -> dict[str, int]:
        """The number of photos in each part, and the number skipped."""
        return {**{name: len(photos) for name, photos in self.parts.items()}, "skipped": skipped}

    def record(self, rule: SplitRule) -> dict[str, Any]:
        """The split as the model card stores it, for ``RecordedSplit.read``."""
        negatives = () if self.negatives is None else self.negatives.test
        record = {
            "seed": rule.seed,
            "test_percent": rule.test_percent,
            "validation_percent": rule.validation_percent,
            "test": sorted({photo.digest[:_RECORDED_DIGITS] for photo in (*self.test, *negatives)}),
        }
        if self.given:
            return {**record, "given": list(self.given)}
        moved = self.moved(rule)
        return {**record, "moved": moved} if moved else record

    def moved(self, rule: SplitRule) -> dict[str, str]:
        """The photos that are not where the rule alone would put them, because they follow their near duplicates.

        Returns:
            The part by the first 16 hex digits of the digest.
        """
        negatives = {} if self.negatives is None else self.negatives.moved(rule)
        return negatives | {
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
        given: whether folders gave the split. Then only the recorded test photos are known to be test photos.
    """

    rule: SplitRule
    moved: Mapping[str, str] = field(default_factory=dict)
    test: frozenset[str] | None = None
    given: bool = False

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> RecordedSplit:
        """Reads the result of ``Split.record``; raises KeyError, TypeError or ValueError for anything else."""
        rule = SplitRule(int(record["seed"]), float(record["test_percent"]), float(record["validation_percent"]))
        test = record.get("test")
        tested = None if test is None else frozenset(map(str, test))
        return cls(rule, dict(record.get("moved", {})), tested, bool(record.get("given")))

    def part(self, digest: str) -> str:
        """Returns the part in which that run had, or would have put, a photo; no other photo is needed.

        Where folders gave the split, a photo that is not a recorded test photo may have been trained on.
        """
        if self.given:
            return "test" if digest[:_RECORDED_DIGITS] in (self.test or ()) else "train"
        return self.moved.get(digest[:_RECORDED_DIGITS]) or self.rule.part(digest)

    def new_to_test(self, digest: str) -> bool:
        """Whether the rule makes a photo a test photo, but the test photos that the run recorded don't include it."""
        return self.test is not None and digest[:_RECORDED_DIGITS] not in self.test and self.part(digest) == "test"


def split(dataset: Dataset, rule: SplitRule) -> Split:
    """Splits a data set. A photo's part depends on its content and the seed; near duplicates stay together.

    The rule decides about each group of near duplicates on its own, whatever else is in the data set. Only the groups
    that give a class a part that it lacks depend on the other photos of the class, and so does a group that must be
    divided: see ``place``. ``Split.divided`` names the latter.

    Raises:
        DatasetError: a class has no photo to train on or to test on, because it has fewer than two different photos.
    """
    result = parted(dataset, rule)
    if lacking := _lacking(dataset, result):
        raise DatasetError(shortage_text(dataset, lacking), split_advice(dataset, lacking))
    return result


def shortages(dataset: Dataset, rule: SplitRule) -> dict[int, list[str]]:
    """Returns the classes for which ``split`` fails, each with the parts (``train``, ``test``) that it lacks."""
    return _lacking(dataset, parted(dataset, rule))


def parted(dataset: Dataset, rule: SplitRule) -> Split:
    """Splits a data set as far as possible: as ``split``, except that classes may lack a part.

    Where folders give the split, each photo is in the part of its folder. Parts without a folder are drawn from the
    photos to train on.

    Photos of none of the classes are in the part of their near duplicates in the classes, if they have any. The others
    are split like the photos of one more class, which moves no photo of the classes.
    """
    drawn = [part for part in DRAWN if part not in dataset.parts]
    placement = place([photo for photo in dataset.photos if photo.part in _FREE], rule, drawn)
    result = _collected(dataset.photos, lambda photo: placement.part(photo) if photo.part in _FREE else photo.part)
    return replace(
        result,
        divided=tuple(sorted(placement.divided)),
        given=tuple(dataset.parts),
        negatives=_negatives(dataset.negatives, result, rule) if dataset.negatives else None,
    )


def _negatives(photos: Sequence[Photo], classes: Split, rule: SplitRule) -> Split:
    """Splits photos of none of the classes, after those of the classes."""
    places = {photo.place: name for name in ("test", "validation", "train") for photo in classes.parts[name]}
    own = [photo for photo in photos if photo.part in _FREE and photo.place not in places]
    given = {photo.part for photo in photos}
    several = len({photo.place for photo in own}) > 1
    placement = place(own, rule, [part for part in DRAWN if part not in given] if several else ())

    def part(photo: Photo) -> str:
        return photo.part if photo.part not in _FREE else places.get(photo.place) or placement.part(photo)

    return _collected(photos, part)


def _collected(photos: Sequence[Photo], part: Callable[[Photo], str]) -> Split:
    """The photos of each part, sorted by content, so that file names have no influence on the model."""
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    for photo in sorted(photos, key=lambda photo: (photo.digest, photo.label)):
        parts[part(photo)].append(photo)
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def _lacking(dataset: Dataset, parts: Split) -> dict[int, list[str]]:
    """Returns the classes that have no photo in a part where every class needs one, each with those parts."""
    covered = {(photo.label, name) for name in NEEDED for photo in parts.parts[name]}
    lacking: dict[int, list[str]] = {}
    for label in range(len(dataset.labels)):
        if missing := [name for name in NEEDED if (label, name) not in covered]:
            lacking[label] = missing
    return lacking
