"""Photos of none of the classes in a training run: what is learned from them, and what is said about that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graft_host.evaluation.evaluate import Evaluation
from graft_host.heads.finished import FinishedHead
from graft_host.heads.negatives import FEWEST_NEGATIVES, Negatives
from graft_host.photos.dataset import Photo
from graft_host.training.material import Material


def learnable(material: Material) -> Negatives | None:
    """The negatives to learn from; None if there are none.

    Their groups are numbered like those of the training photos, or like those of the validation photos where the
    backbone was fitted to the former.
    """
    parts = material.split
    if material.negatives is None or parts.negatives is None:
        return None
    photos = (*parts.negatives.train, *parts.negatives.validation)
    known = np.unique([photo.place for photo in (parts.validation if material.fitted else parts.train)]).tolist()
    numbers = {place: number for number, place in enumerate(known)}
    for photo in photos:
        numbers.setdefault(photo.place, len(numbers))
    return Negatives(material.negatives.learned, np.array([numbers[photo.place] for photo in photos], np.int64))


def held_out_negatives(material: Material) -> tuple[Photo, ...]:
    """The negatives that nothing was learned from."""
    return () if material.split.negatives is None else material.split.negatives.test


def compared(evaluation: Evaluation, material: Material, head: FinishedHead) -> Evaluation:
    """The evaluation with how many test negatives would be called unknown had nothing been learned from negatives."""
    if evaluation.negatives is None or material.negatives is None or head.negatives is None:
        return evaluation
    without = int(head.without_negatives().refuses(material.negatives.test).sum())
    return replace(evaluation, negatives=replace(evaluation.negatives, without=without))


def negatives_record(material: Material, head: FinishedHead, evaluation: Evaluation) -> dict[str, Any] | None:
    """What the card and ``--json`` say of negatives; None if there are none.

    Args:
        material: with the negatives.
        head: that learned from them.
        evaluation: of the file.
    """
    parts, learned = material.split.negatives, head.negatives
    if parts is None:
        return None
    record: dict[str, Any] = {
        "photos": {name: len(photos) for name, photos in parts.parts.items()},
        "learned": learned is not None and learned.kept,
    }
    if learned is not None:
        record["held_out"] = {"photos": learned.photos, "refused": learned.refused, "without": learned.without}
    if evaluation.negatives is not None:
        record["test"] = evaluation.negatives.to_json()
    return record


def negatives_note(material: Material, head: FinishedHead) -> str | None:
    """Says why nothing was learned from negatives; None if something was, or there are none."""
    negatives, learned = learnable(material), head.negatives
    if negatives is None or head.unknown is None or (learned is not None and learned.kept):
        return None
    if learned is not None:
        return (
            f"note: the {learned.photos} unknown photos look too much like the classes for the model to refuse more of "
            f"such photos: it refuses {learned.without} of them, with and without having learned from them"
        )
    different = len(np.unique(negatives.groups))
    there = "only 1 different one is" if different == 1 else f"only {different} different ones are"
    return (
        f"note: nothing was learned from the unknown photos: {there} there to train on, and {FEWEST_NEGATIVES} are "
        "needed; 30 are much better"
    )
