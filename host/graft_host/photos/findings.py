"""The kinds of things that may be wrong with a data set, and what to do about them."""

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
        index: of the photo.
        suggested: the class that it seems to be of.
        probability: of that class, by a head that did not see the photo.
        margin: by how much that exceeds the probability of the class that it lies in.
    """

    index: int
    suggested: int
    probability: float
    margin: float


@dataclass(frozen=True)
class Kind:
    """A kind of finding: how one and several are called, and what to do about them."""

    one: str
    several: str
    advice: str

    def counted(self, count: int) -> str:
        """Such as ``2 tiny photos``."""
        return f"{count:,} {self.one if count == 1 else self.several}"


KINDS: dict[str, Kind] = {
    "class": Kind(
        "class that cannot be trained on",
        "classes that cannot be trained on",
        "add photos, or remove the folder; at least two classes with photos are needed",
    ),
    "split": Kind(
        "class that training refuses",
        "classes that training refuses",
        "add photos: every class needs one to train on and one to test with",
    ),
    "unreadable": Kind(
        "file that cannot be read",
        "files that cannot be read",
        "mend, convert or remove them; training skips them",
    ),
    "stray": Kind(
        "file outside the class folders",
        "files outside the class folders",
        "move them into the folder of their class, or away; training skips them",
    ),
    "identical_across": Kind(
        "set of identical photos in different classes",
        "sets of identical photos in different classes",
        "at most one of the labels is right: remove the others",
    ),
    "near_across": Kind(
        "set of near duplicates in different classes",
        "sets of near duplicates in different classes",
        "look at them: if they show one thing, remove those whose label is wrong",
    ),
    "mislabel": Kind(
        "photo that is likely in the wrong class",
        "photos that are likely in the wrong class",
        "look at them, and move those that are into their class",
    ),
    "identical": Kind(
        "set of identical photos within a class",
        "sets of identical photos within a class",
        "keep one of each: copies only give a photo more weight",
    ),
    "near": Kind(
        "set of near duplicates within a class",
        "sets of near duplicates within a class",
        "keep the best of each, or leave them: they stay on one side of the split",
    ),
    "imbalance": Kind(
        "imbalance between the classes",
        "imbalances between the classes",
        "add photos to the small classes, or train with --class-weight balanced",
    ),
    "few": Kind(
        "class with few photos",
        "classes with few photos",
        "add different photos, at least 20 a class and better a hundred",
    ),
    "tiny": Kind(
        "tiny photo",
        "tiny photos",
        "replace them by larger ones, or train with a smaller --image-size",
    ),
}
"""In the order in which they are reported."""


@dataclass(frozen=True)
class Finding:
    """Something that may be wrong.

    Attributes:
        kind: a key of ``KINDS``.
        paths: the files, or class folders, that it is about.
        problem: what was seen.
        advice: what to do.
        details: figures for a program.
    """

    kind: str
    paths: tuple[Path, ...]
    problem: str
    advice: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "kind": self.kind,
            "paths": [os.fsdecode(path) for path in self.paths],
            "problem": self.problem,
            "advice": self.advice,
            **self.details,
        }


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of every kind."""
    numbers = Counter(finding.kind for finding in findings)
    return {kind: numbers[kind] for kind in KINDS}


def warnings(findings: Iterable[Finding], folder: Path, divided: Sequence[str] = ()) -> list[str]:
    """What ``graft train`` says of its photos, a line each.

    Args:
        findings: of which those that training names one by one are left out.
        folder: of the photos.
        divided: ``Split.divided``.
    """
    numbers = counts(finding for finding in findings if finding.kind not in {"class", "unreadable", "stray"})
    said = [KINDS[kind].counted(count) for kind, count in numbers.items() if count]
    lines = [f"warning: {', '.join(said)}: 'graft check {folder}' lists them"] if said else []
    if divided:
        sets = "a set" if len(divided) == 1 else f"{len(divided)} sets"
        lines.append(
            f"warning: {sets} of near duplicates had to be divided between training and test, as a class has too few "
            "other photos; expect less of the model than its test says"
        )
    return lines
