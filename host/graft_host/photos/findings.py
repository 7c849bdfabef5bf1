"""The kinds of findings about a data set, each with advice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mislabel:
    """A photo that is probably of another class.

    Attributes:
        index: place of the photo in the data set.
        suggested: index of the class that the photo seems to be of.
        probability: of the suggested class, according to a head that did not see the photo.
        margin: difference between that probability and the probability of the class that the photo is in.
        chance: probability that the photo is in the wrong class.
    """

    index: int
    suggested: int
    probability: float
    margin: float
    chance: float


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding.

    Attributes:
        singular: the name of one such finding.
        plural: the name of several.
        advice: what to do about them.
    """

    singular: str
    plural: str
    advice: str

    def counted(self, count: int) -> str:
        """Returns the number with the name, such as ``2 tiny photos``."""
        return f"{count:,} {self.singular if count == 1 else self.plural}"


KINDS: dict[str, FindingKind] = {
    "class": FindingKind(
        "class that cannot be trained on",
        "classes that cannot be trained on",
        "add photos or remove the folder; training needs at least two classes with photos",
    ),
    "split": FindingKind(
        "class that training refuses",
        "classes that training refuses",
        "add photos; every class needs at least one to train on and one to test on",
    ),
    "unreadable": FindingKind(
        "file that cannot be read",
        "files that cannot be read",
        "repair, convert or remove them; training skips them",
    ),
    "stray": FindingKind(
        "file outside the class folders",
        "files outside the class folders",
        "move them into the folder of their class, or out of the data set; training skips them",
    ),
    "leak": FindingKind(
        "group of near duplicates in several parts of the split",
        "groups of near duplicates in several parts of the split",
        "keep each group in one of the folders; a test photo that was trained on makes the accuracy too good",
    ),
    "identical_across": FindingKind(
        "group of identical photos in different classes",
        "groups of identical photos in different classes",
        "at most one of the classes is right; remove the photos from the others",
    ),
    "near_across": FindingKind(
        "group of near duplicates in different classes",
        "groups of near duplicates in different classes",
        "look at them; if they show the same thing, remove those in the wrong class",
    ),
    "mislabel": FindingKind(
        "photo that is likely in the wrong class",
        "photos that are likely in the wrong class",
        "look at these first, and move those that are wrong into the right class",
    ),
    "identical": FindingKind(
        "group of identical photos within a class",
        "groups of identical photos within a class",
        "keep one of each; copies only give a photo more weight",
    ),
    "near": FindingKind(
        "group of near duplicates within a class",
        "groups of near duplicates within a class",
        "keep the best of each, or leave them; they stay on one side of the split",
    ),
    "imbalance": FindingKind(
        "imbalance between the classes",
        "imbalances between the classes",
        "add photos to the small classes, or train with --class-weight balanced",
    ),
    "few": FindingKind(
        "class with few photos",
        "classes with few photos",
        "add different photos; a class should have at least 20, better a hundred",
    ),
    "tiny": FindingKind(
        "tiny photo",
        "tiny photos",
        "replace them with larger ones, or train with a smaller --image-size",
    ),
}
"""The kinds by name, in the order in which they are reported."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that may be wrong with the data set.

    Attributes:
        kind: a key of ``KINDS``.
        paths: the files or class folders concerned.
        problem: what is wrong with them.
        advice: what to do about it.
        details: figures for programs that read the JSON output.
    """

    kind: str
    paths: tuple[Path, ...]
    problem: str
    advice: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The finding as ``graft check --json`` prints it."""
        return {
            "kind": self.kind,
            "paths": [os.fsdecode(path) for path in self.paths],
            "problem": self.problem,
            "advice": self.advice,
            **self.details,
        }


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Counts the findings of every kind; kinds without a finding count 0."""
    numbers = Counter(finding.kind for finding in findings)
    return {kind: numbers[kind] for kind in KINDS}


def warnings(findings: Iterable[Finding], check: str, divided: Sequence[str] = ()) -> list[str]:
    """Returns the warnings that ``graft train`` prints about its photos, one line each.

    Args:
        findings: what ``find_problems`` returned; kinds that training reports file by file are left out.
        check: the command that lists them.
        divided: the groups in ``Split.divided``.
    """
    numbers = counts(finding for finding in findings if finding.kind not in {"class", "unreadable", "stray"})
    counted = [KINDS[kind].counted(count) for kind, count in numbers.items() if count]
    lines = [f"warning: {', '.join(counted)}: '{check}' lists them"] if counted else []
    if divided:
        groups = "a group" if len(divided) == 1 else f"{len(divided)} groups"
        lines.append(
            f"warning: {groups} of near duplicates had to be divided between training and test, because a class has "
            "too few other photos; expect a lower accuracy than on the test photos"
        )
    return lines
