"""Whether a new model names the golden photos of older files as these do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.classifier import Classifier
from graft_device.errors import ModelError, PhotoError
from graft_device.model.golden import GoldenPhoto
from graft_device.model.samples import read_golden_photo
from graft_host.evaluation.old_model import OldModel


@dataclass(frozen=True)
class ModelAnswer:
    """What a model says about a photo.

    Attributes:
        label: the label with the highest score.
        score: that score.
        unknown: whether the score is too low, so that the photo is called unknown.
    """

    label: str
    score: float
    unknown: bool = False

    def to_json(self) -> dict[str, Any]:
        """The label, its score, and whether the photo is called unknown."""
        return {"label": self.label, "score": self.score, "unknown": self.unknown}


@dataclass(frozen=True, kw_only=True)
class GoldenAnswer:
    """A golden photo that was compared.

    Attributes:
        model: the file that it is from.
        name: the photo's name in messages.
        old: the answer that the file has stored.
        new: the answer of the new model.
    """

    model: Path
    name: str
    old: ModelAnswer
    new: ModelAnswer

    @property
    def kept(self) -> bool:
        """Whether the new model gives the same label, and does not call the photo unknown."""
        return self.new.label == self.old.label and not self.new.unknown

    def to_json(self) -> dict[str, Any]:
        """The photo with both answers."""
        answers = {"old": self.old.to_json(), "new": self.new.to_json()}
        return {"model": os.fsdecode(self.model), "name": self.name, **answers, "kept": self.kept}


@dataclass(frozen=True)
class GoldenCheck:
    """The golden photos that were compared, and how many could not be.

    Attributes:
        photos: those that were compared.
        left_out: the number of the others by the reason.
    """

    photos: tuple[GoldenAnswer, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def changed(self) -> tuple[GoldenAnswer, ...]:
        """Those that the new model does not name as the old one."""
        return tuple(photo for photo in self.photos if not photo.kept)

    @property
    def text(self) -> str:
        """How many are named as before, and the first that is not, as a clause."""
        count = len(self.photos)
        if not (changed := self.changed):
            return f"all {count} named as before" if count else "none to compare"
        first = changed[0]
        now = "unknown" if first.new.unknown else repr(first.new.label)
        return (
            f"{len(changed)} of {count} golden photos changed, first {first.name} of {first.model}: "
            f"{now} instead of {first.old.label!r}"
        )

    def to_json(self) -> dict[str, Any]:
        """The photos, and how many were left out by the reason."""
        return {"photos": [photo.to_json() for photo in self.photos], "left_out": dict(self.left_out)}


def check_golden(new: Path, models: Sequence[OldModel]) -> GoldenCheck:
    """Classifies the golden photos of older files with a new one.

    Photos that say nothing are left out: rendered pictures, which show no class; photos whose label the new model does
    not have; those on which the old model had no clear lead, or which it called unknown; and those of another resize
    rule, which were stored distorted or cropped.

    Args:
        new: the new file.
        models: the older ones.

    Raises:
        ModelError: a file cannot be used.
    """
    classifier = Classifier(new, threads=1)
    left_out: dict[str, int] = {}
    answers = []
    for old in models:
        with old.on_disk() as path:
            for photo in () if old.contents.golden is None else old.contents.golden.photos:
                if reason := _unfit(old, photo, classifier):
                    left_out[reason] = left_out.get(reason, 0) + 1
                else:
                    answers.append(_answer(old, path, photo, classifier))
    return GoldenCheck(tuple(answers), tuple(left_out.items()))


def _unfit(old: OldModel, photo: GoldenPhoto, new: Classifier) -> str | None:
    """Why a golden photo says nothing about the new model; None if it does."""
    golden, card = old.contents.golden, old.contents.card
    if photo.file is None:
        return "rendered, not photographed"
    if photo.label not in new.labels:
        return "of a class that the new model does not have"
    if card.resize != new.model.card.resize:
        return "stored with another resize rule"
    clear = golden is not None and photo.lead > golden.tolerance
    if not clear or max(photo.scores) < card.unknown_below:
        return "without a clear lead"
    return None


def _answer(old: OldModel, path: Path, photo: GoldenPhoto, classifier: Classifier) -> GoldenAnswer:
    file = str(photo.file)
    try:
        answer = classifier.classify(read_golden_photo(path, file, old.contents.card.image_size), top_k=1)
    except (ModelError, PhotoError) as error:
        raise ModelError(f"{old.path}: its golden photo {file} cannot be read ({error.what})") from error
    best = answer[0]
    return GoldenAnswer(
        model=old.path,
        name=photo.name,
        old=ModelAnswer(photo.label, max(photo.scores)),
        new=ModelAnswer(best.label, round(best.score, 6), answer.unknown),
    )
