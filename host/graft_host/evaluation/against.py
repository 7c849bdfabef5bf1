"""A new model beside an old one on the same photos: which got worse, and whether chance explains it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_device.text import printable
from graft_host.evaluation.golden_kept import GoldenCheck, ModelAnswer
from graft_host.evaluation.mcnemar import PairedCounts, WorsePart, worse_parts


@dataclass(frozen=True, kw_only=True)
class ChangedPhoto:
    """A photo that exactly one of two models names.

    Attributes:
        path: the photo.
        truth: its class.
        old: the answer of the old model.
        new: the answer of the new model.
    """

    path: Path
    truth: str
    old: ModelAnswer
    new: ModelAnswer

    def to_json(self) -> dict[str, Any]:
        """The photo with its class and both answers."""
        answers = {"old": self.old.to_json(), "new": self.new.to_json()}
        return {"path": os.fsdecode(self.path), "truth": self.truth, **answers}


@dataclass(frozen=True)
class Drop:
    """One reason to call a model worse than an old one.

    Attributes:
        reason: the reason as a clause.
        before: the share that the old model has right.
        after: the share that the new model has right.
    """

    reason: str
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Against:
    """A new model beside an old one, on the same photos.

    A photo that a model calls unknown counts as not named. The new model is worse if McNemar's test says so of all
    photos together or of one class, see ``worse_parts``, or if it changes a golden photo.

    Attributes:
        old: the file of the old model.
        counts: of all photos that were compared.
        classes: the same of each class that was compared, by label.
        worse: the photos that only the old model names.
        better: the photos that only the new model names.
        golden: what became of golden photos.
        only_in_old: labels that only the old model has.
        only_in_new: labels that only the new model has.
        unseen: whether it is known that neither model was trained on the photos.
    """

    old: Path
    counts: PairedCounts
    classes: dict[str, PairedCounts] = field(repr=False)
    worse: tuple[ChangedPhoto, ...] = field(repr=False)
    better: tuple[ChangedPhoto, ...] = field(repr=False)
    golden: GoldenCheck = field(default_factory=GoldenCheck, repr=False)
    only_in_old: tuple[str, ...] = ()
    only_in_new: tuple[str, ...] = ()
    unseen: bool = True

    @property
    def drops(self) -> tuple[Drop, ...]:
        """Why the new model is worse; empty if it is not."""
        drops = [_drop(part) for part in worse_parts(self.counts, self.classes)]
        if changed := self.golden.changed:
            kept = 1 - len(changed) / len(self.golden.photos)
            drops.append(Drop(self.golden.text, 1.0, kept))
        return tuple(drops)

    @property
    def why_worse(self) -> str:
        """All reasons as a clause; empty if the new model is not worse."""
        reasons = "; ".join(drop.reason for drop in self.drops)
        return f"worse than {printable(self.old)}: {reasons}" if reasons else ""

    def to_json(self) -> dict[str, Any]:
        """The comparison as ``--json`` prints it, under ``comparison``."""
        return {
            "old": os.fsdecode(self.old),
            "worse": [drop.reason for drop in self.drops],
            **self.counts.to_json(),
            "per_class": {label: counts.to_json() for label, counts in self.classes.items()},
            "photos_worse": [photo.to_json() for photo in self.worse],
            "photos_better": [photo.to_json() for photo in self.better],
            "golden": self.golden.to_json(),
            "only_in_old": list(self.only_in_old),
            "only_in_new": list(self.only_in_new),
            "unseen": self.unseen,
        }


def _drop(part: WorsePart) -> Drop:
    counts = part.counts
    photos = f"{counts.photos} test photos" if part.label is None else f"{counts.photos} of {part.label}"
    return Drop(
        f"of {photos}, {counts.only_old} were lost and {counts.only_new} gained "
        f"(McNemar's test: p {counts.p:.2g}, worse up to {part.limit:.2g})",
        counts.old_right / counts.photos,
        counts.new_right / counts.photos,
    )
