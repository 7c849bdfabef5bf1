"""Places photos in parts by the split rule, and gives each class the parts that the rule leaves it without."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from graft_host.photos.dataset import Photo
from graft_host.photos.split_rule import SplitRule

DRAWN = ("test", "validation")
"""The parts that photos are drawn for; the others are trained on."""

_KEPT_FROM_VALIDATION = 2  # groups that a class keeps to train on when it gives one to the validation


@dataclass(frozen=True)
class Placement:
    """The part of every photo.

    Attributes:
        parts: the part by the photo's group; in a divided group by the photo's digest.
        divided: groups of near duplicates that are in several parts, because a class would lack a part otherwise.
    """

    parts: dict[str, str]
    divided: frozenset[str]

    def part(self, photo: Photo) -> str:
        """Returns the part of a photo that was placed."""
        return self.parts[_key(photo, self.divided)]


def place(photos: Collection[Photo], rule: SplitRule, drawn: Collection[str] = DRAWN) -> Placement:
    """Places photos by the rule, and then gives each class a photo for every part that it lacks.

    Photos are moved in groups of near duplicates, and every group has a position from 0 to 100 that is drawn from its
    content and the seed. The lowest positions are in the test, the next ones in the validation. Where a class has no
    test photo, its group with the lowest position is moved there; where it has no photo to train on, its group with the
    highest. A class without a validation photo gives its lowest group that is trained on, if at least two others are
    left. No class gives away the last group that it is trained on.

    A group is divided only if a class has too few groups to have photos both to train on and to test on, as may happen
    with the photos of a fixed camera, which look alike. A class may still lack a part, such as a class of one photo.

    Args:
        photos: of all classes.
        rule: gives positions and shares.
        drawn: the parts, of ``DRAWN``, that photos are drawn for.
    """
    divided: set[str] = set()
    while True:
        groups = _Groups(photos, rule, drawn, divided)
        groups.complete()
        group = _to_divide(photos, groups.lacking(), divided)
        if group is None:
            return Placement(groups.parts, frozenset(divided))
        divided.add(group)


class _Groups:
    """The groups of near duplicates with their classes and parts."""

    def __init__(
        self, photos: Iterable[Photo], rule: SplitRule, drawn: Collection[str], divided: Collection[str]
    ) -> None:
        """Places each group by the rule alone."""
        self._drawn = [part for part in DRAWN if part in drawn]
        self._validates = rule.validation_percent > 0
        self._classes: dict[str, set[int]] = defaultdict(set)
        for photo in photos:
            self._classes[_key(photo, divided)].add(photo.label)
        positions = {key: (rule.position(key), key) for key in self._classes}
        self._groups: dict[int, list[str]] = defaultdict(list)
        self.parts: dict[str, str] = {}
        self._counts: Counter[tuple[int, str]] = Counter()
        for key in sorted(self._classes, key=positions.__getitem__):
            self.parts[key] = part if (part := rule.part(key)) in drawn else "train"
            for label in self._classes[key]:
                self._groups[label].append(key)
                self._counts[label, self.parts[key]] += 1

    def complete(self) -> None:
        """Moves groups to the parts that classes lack; classes take turns by the position of their lowest group."""
        # Groups were sorted by position, so the classes are in that order too.
        for label, groups in self._groups.items():
            if not self._counts[label, "train"]:
                self._move(groups[-1], "train")
        for part in self._drawn:
            kept = 1 if part == "test" else _KEPT_FROM_VALIDATION
            for label, groups in self._groups.items():
                if not self._counts[label, part] and (part == "test" or self._validates):
                    self._give(groups, part, kept)

    def lacking(self) -> list[int]:
        """The classes without a photo to train on, or to test on where test photos are drawn; the smallest first."""
        needed = [part for part in ("train", "test") if part == "train" or part in self._drawn]
        lacking = [label for label in self._groups if not all(self._counts[label, part] for part in needed)]
        return sorted(lacking, key=lambda label: (len(self._groups[label]), self._groups[label]))

    def _give(self, groups: Iterable[str], part: str, kept: int) -> None:
        """Moves the lowest group that its classes can spare."""
        spared = ("train", "validation") if part == "test" else ("train",)
        for key in groups:
            trained = self.parts[key] == "train"
            if self.parts[key] in spared and (
                not trained or all(self._counts[label, "train"] > kept for label in self._classes[key])
            ):
                self._move(key, part)
                return

    def _move(self, key: str, part: str) -> None:
        for label in self._classes[key]:
            self._counts[label, self.parts[key]] -= 1
            self._counts[label, part] += 1
        self.parts[key] = part


def _to_divide(photos: Collection[Photo], lacking: Iterable[int], divided: Collection[str]) -> str | None:
    """Returns the smallest group of different photos of a class that lacks a part; None without one."""
    contents: dict[str, set[str]] = defaultdict(set)
    classes: dict[str, set[int]] = defaultdict(set)
    for photo in photos:
        contents[photo.place].add(photo.digest)
        classes[photo.place].add(photo.label)
    for label in lacking:
        groups = [
            group
            for group, digests in contents.items()
            if len(digests) > 1 and label in classes[group] and group not in divided
        ]
        if groups:
            return min(groups, key=lambda group: (len(contents[group]), group))
    return None


def _key(photo: Photo, divided: Collection[str]) -> str:
    return photo.digest if photo.place in divided else photo.place
