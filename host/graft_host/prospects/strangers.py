"""Says how a model answers to unknown objects that look like the known ones: each class in turn is left out.

A head of the other classes is trained as the model's is, with temperature, novelty and threshold. It never saw the
class that was left out, so all photos of this class are unknown objects to it, and about as similar to the known ones
as the classes are to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import Array, Labels, fit_head, weighted_photos
from graft_host.heads.held_out import VARIANCE, Rows
from graft_host.heads.map_folds import map_folds
from graft_host.heads.negatives import Negatives
from graft_host.heads.recipe import Recipe
from graft_host.support.intervals import wilson_interval

FEWEST_CLASSES = 3
"""So that two classes are left to train a head on."""

_MOST_CLASSES = 20
_FEWEST_TRIED = 3
_WORK = 24_000  # rows times classes that are left out: about 20 seconds on two cores


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """The answers of a head to the photos of a class that it was not trained on.

    Attributes:
        label: the class that was left out.
        photos: number of its photos.
        different: number of its photos without near duplicates.
        refused: number of photos that were called unknown.
        taken: the classes that the other photos were taken for, with their numbers of photos, the largest first.
    """

    label: int
    photos: int
    different: int
    refused: int
    taken: tuple[tuple[int, int], ...]

    @property
    def share(self) -> float:
        """The share of the photos that were called unknown."""
        return self.refused / self.photos

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share, in which near duplicates count as one photo.

        It is wider than that of so many photos by the root of ``VARIANCE``: with other validation photos the score
        below which photos are refused is another one, which moved the number of refused flowers about as much again
        as chance among the photos does.
        """
        worth = self.different / VARIANCE
        return wilson_interval(self.share * worth, worth)

    def to_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """The answers as ``--json`` prints them."""
        return {
            "label": labels[self.label],
            "photos": self.photos,
            "refused": self.refused,
            "share": self.share,
            "interval": list(self.interval),
            "taken_for": {labels[label]: photos for label, photos in self.taken},
        }


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """The answers to each class that was left out in turn.

    Attributes:
        classes: those that were left out, in the order of the labels.
        of: number of all classes; if more than were left out, these are the ones that are nearest to another.
        note: why there are no answers; empty if there are.
    """

    classes: tuple[LeftOut, ...] = ()
    of: int = 0
    note: str = ""

    def to_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """The answers as ``--json`` prints them."""
        return {
            "left_out": [left_out.to_json(labels) for left_out in self.classes],
            "classes": self.of,
            "note": self.note or None,
        }


def measure_strangers(
    rows: Rows,
    classes: int,
    recipe: Recipe,
    rate: float,
    penalty: float | None,
    threads: int = 1,
    shift: NDArray[np.float64] | None = None,
    negatives: Negatives | None = None,
) -> Strangers:
    """Trains a head without each class in turn, and counts how many of its photos would be refused.

    With many classes or photos, only the classes are left out whose mean is nearest to that of another: their photos
    are the hardest to refuse.

    Args:
        rows: all photos. Those that are not validation photos train the heads.
        classes: K.
        recipe: how the heads are trained.
        rate: share of known photos that may be called unknown.
        penalty: that the heads are trained with; None for gradient descent.
        threads: classes at a time.
        shift: what is added to the logits of the K classes after temperature scaling, ``[K]``; None for nothing.
        negatives: photos of none of the classes, to learn from; their groups are numbered like those of ``rows``. None
            if there are none.

    Raises:
        GraftError: gradient descent diverged.
    """
    if note := _obstacle(rows, classes, rate):
        return Strangers(of=classes, note=note)

    def left_out(label: int) -> LeftOut | None:
        head = _head_without(label, rows, classes, recipe, rate, penalty, shift, negatives)
        return _answers(head, label, rows) if head.unknown is not None else None

    most = int(np.clip(_WORK // len(rows.labels), _FEWEST_TRIED, _MOST_CLASSES))
    results = map_folds(left_out, _nearest(rows, classes, most), threads)
    answers = tuple(result for result in results if result is not None)
    note = "" if answers else "there are too few photos to set the score below which a photo is called unknown"
    return Strangers(classes=answers, of=classes, note=note)


def _obstacle(rows: Rows, classes: int, rate: float) -> str:
    """What keeps classes from being left out; empty if nothing does."""
    if rate == 0:
        return "no photo is called unknown with --unknown-rate 0"
    if classes < FEWEST_CLASSES:
        return (
            f"this needs {FEWEST_CLASSES} classes, so that two are left without one; with photos of similar objects in "
            "a folder unknown, training reports how many of them are called unknown"
        )
    own = rows.labels[: len(rows.groups)]
    if (np.bincount(own[~rows.validates], minlength=classes) == 0).any():
        return "a class has no photos to train on"
    return ""


def _head_without(
    label: int,
    rows: Rows,
    classes: int,
    recipe: Recipe,
    rate: float,
    penalty: float | None,
    shift: NDArray[np.float64] | None,
    negatives: Negatives | None,
) -> FinishedHead:
    """The finished head of the other classes; larger labels are one less."""
    count, others = len(rows.groups), rows.labels != label
    always, photos = rows.photos < 0, np.maximum(rows.photos, 0)
    trains = others & (always | ~rows.validates[photos])
    validates = np.flatnonzero(others[:count] & rows.validates)
    train, validation = (
        (rows.bottlenecks[chosen], _without(label, rows.labels[chosen])) for chosen in (trains, validates)
    )
    weights = None if rows.weights is None else rows.weights[trains]
    head = fit_head(weighted_photos(train, classes - 1, recipe, weights), classes - 1, recipe, penalty)
    return finish_head(
        head, train, validation, recipe, np.where(always, rows.photos, rows.groups[photos])[trains], rate,
        validation_groups=rows.groups[validates], weights=weights,
        shift=None if shift is None else np.delete(shift, label), negatives=negatives,
    )  # fmt: skip


def _answers(head: FinishedHead, label: int, rows: Rows) -> LeftOut:
    """What a head says about the photos of a class that it was not trained on."""
    own = np.flatnonzero(rows.labels[: len(rows.groups)] == label)
    refused = head.refuses(rows.bottlenecks[own])
    named = head.head.predict(rows.bottlenecks[own[~refused]])
    taken = Counter((named + (named >= label)).tolist())
    return LeftOut(
        label=label,
        photos=len(own),
        different=len(np.unique(rows.groups[own])),
        refused=int(refused.sum()),
        taken=tuple(sorted(taken.items(), key=lambda entry: (-entry[1], entry[0]))),
    )


def _without(label: int, labels: Labels) -> Labels:
    return labels - (labels > label)


def _nearest(rows: Rows, classes: int, most: int) -> list[int]:
    """The classes, at most ``most``: those whose mean is nearest to the mean of another class."""
    if classes <= most:
        return list(range(classes))
    count = len(rows.groups)
    means = _means(rows.bottlenecks[:count], rows.labels[:count], classes)
    products = means @ means.T
    squares = np.diag(products)
    distances = squares[:, np.newaxis] + squares - 2 * products
    np.fill_diagonal(distances, np.inf)
    return sorted(np.argsort(distances.min(axis=1), kind="stable")[:most].tolist())


def _means(bottlenecks: Array, labels: Labels, classes: int) -> NDArray[np.float64]:
    """The mean of each class in units of the numbers' deviations, ``[K,D]``."""
    deviation = bottlenecks.std(axis=0, dtype=np.float64)
    deviation += np.where(deviation > 0, 0, np.inf)
    means = [bottlenecks[labels == label].mean(axis=0, dtype=np.float64) for label in range(classes)]
    scaled: NDArray[np.float64] = np.array(means) / deviation
    return scaled
