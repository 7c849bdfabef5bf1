"""Estimates how accurate a model would be with more photos, from heads that were trained on parts of the photos.

The width of the interval was chosen on trials with rendered flowers and photos of cats and dogs, where the 95% interval
for twice as many photos contained the accuracy of a model with these in 95 of 98 cases. In 30 of 30 other draws of
these photos it did, too (``docs/how-to/how-many-photos.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.held_out import VARIANCE, Rows
from graft_host.heads.recipe import Recipe
from graft_host.prospects.power_law import PowerLaw, fit_power_law
from graft_host.prospects.subsets import FRACTIONS, Answers, answers_of_parts

RISING, FLAT, UNCLEAR = "rising", "flat", "unclear"

FEWEST_PHOTOS = 8
"""Different photos of each class, so that four parts have at least two."""

_DRAWS = 200
_SMALL_GAIN = 0.015  # of the accuracy: what is hardly worth twice as many photos
_QUARTER = FRACTIONS.index(1 / 4)
_TWICE = 2.0
_MOST_NAMED = 3
_LIKE_THE_FIRST = 2 / 3


@dataclass(frozen=True, kw_only=True)
class Point:
    """The accuracy with a number of photos.

    Attributes:
        photos: in all classes, of which a part trains, chooses and tests as in training.
        accuracy: on photos that the heads did not see; beyond all photos, what the fitted law says.
        low: lower end of the 95% interval.
        high: upper end.
    """

    photos: int
    accuracy: float
    low: float
    high: float

    def to_json(self, classes: int) -> dict[str, Any]:
        """The point as ``--json`` prints it."""
        return {
            "photos": self.photos,
            "photos_per_class": self.photos / classes,
            "accuracy": self.accuracy,
            "interval": [self.low, self.high],
        }


@dataclass(frozen=True, kw_only=True)
class ClassNeed:
    """How much a class needs more photos.

    Attributes:
        label: the class.
        photos: number of its photos.
        f1: harmonic mean of precision and recall of heads that were trained on all photos but the judged ones.
        need: (1 - f1) / photos.
    """

    label: int
    photos: int
    f1: float
    need: float

    def to_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """The class as ``--json`` prints it."""
        return {"label": labels[self.label], "photos": self.photos, "f1": self.f1, "need": self.need}


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """The accuracy against the number of photos.

    Attributes:
        points: with parts of the photos; the last is with all of them.
        twice: with twice as many photos, extrapolated; None if there is no curve.
        trend: ``rising``: more photos give more; ``flat``: twice as many would give less than 1.5 points;
            ``unclear``: the photos are too few to say. Empty if there is no curve.
        needs: the classes, the one that needs more photos most first.
        classes: number of classes.
        note: why there is no curve; empty if there is.
    """

    points: tuple[Point, ...] = ()
    twice: Point | None = None
    trend: str = ""
    needs: tuple[ClassNeed, ...] = ()
    classes: int = 0
    note: str = ""

    @property
    def neediest(self) -> tuple[ClassNeed, ...]:
        """The classes that would gain most from more photos, at most three; empty if no class has a mistake."""
        if not self.needs or self.needs[0].need == 0:
            return ()
        least = _LIKE_THE_FIRST * self.needs[0].need
        return tuple(need for need in self.needs if need.need >= least)[:_MOST_NAMED]

    def to_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """The curve as ``--json`` prints it."""
        return {
            "points": [point.to_json(self.classes) for point in self.points],
            "twice_the_photos": None if self.twice is None else self.twice.to_json(self.classes),
            "trend": self.trend or None,
            "classes": [need.to_json(labels) for need in self.needs],
            "more_photos_of": [labels[need.label] for need in self.neediest],
            "note": self.note or None,
        }


def measure_learning_curve(
    rows: Rows, classes: int, recipe: Recipe, threads: int = 1, offset: NDArray[np.float64] | None = None
) -> LearningCurve:
    """Trains heads on parts of the photos and judges them on photos that they did not see.

    Args:
        rows: all photos.
        classes: K.
        recipe: how the heads are trained.
        threads: heads at a time.
        offset: what is added to the logits of every head, ``[K]``; None for nothing.
    """
    labels = rows.labels[: len(rows.groups)]
    fewest = min(len(np.unique(rows.groups[labels == label])) for label in range(classes))
    if recipe.optimizer == "sgd":
        return LearningCurve(classes=classes, note="this needs --optimizer lbfgs")
    if fewest < FEWEST_PHOTOS:
        return LearningCurve(classes=classes, note=f"this needs {FEWEST_PHOTOS} different photos of each class")
    answers = answers_of_parts(rows, classes, recipe, threads, offset)
    return curve_of(answers, labels, rows.groups, classes, recipe.seed)


def curve_of(
    answers: Answers, labels: NDArray[np.int64], groups: NDArray[np.int64], classes: int, seed: int
) -> LearningCurve:
    """Makes the curve from the answers of heads that were trained on parts of the photos.

    The intervals come from drawing groups of near duplicates again with replacement (the bootstrap). A right and a
    wrong photo are added to the draws, so that a few photos without a mistake do not count as certainty. Deviations are
    widened by the root of ``VARIANCE``, because the heads share most of the photos that they are trained on.

    Args:
        answers: of the heads.
        labels: the true classes, ``[N]``.
        groups: near duplicates have the same number, ``[N]``.
        classes: K.
        seed: draws photos.
    """
    right = (answers.named == labels).mean(axis=0)
    fractions, count = np.array(answers.fractions), len(labels)
    drawn = _drawn(right, groups, seed)
    points = []
    for place, fraction in enumerate(answers.fractions):
        accuracy = float(right[place].mean())
        points.append(_point(round(fraction * count), accuracy, drawn[:, place]))
    law, laws = fit_power_law(fractions, 1 - right.mean(axis=1)), [fit_power_law(fractions, 1 - line) for line in drawn]
    twice = _point(
        round(_TWICE * count), 1 - law.mistakes(_TWICE), np.array([1 - each.mistakes(_TWICE) for each in laws])
    )
    most = _gain(law) + _deviations(np.array([_gain(each) for each in laws]))[1]
    return LearningCurve(
        points=tuple(points), twice=twice, trend=_trend(answers.fractions, right, drawn, most),
        needs=class_needs(answers.named[:, -1], labels, classes), classes=classes,
    )  # fmt: skip


def class_needs(named: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> tuple[ClassNeed, ...]:
    """Orders the classes by how much more photos of them would give: (1 - F1) / photos, the largest first.

    In trials with rendered flowers this agreed better than the recall with what twice as many photos of a class really
    gave, and much better than what is lost with half of them. Where classes differ in size it agreed as well as the
    number of photos alone, which says nothing where they do not.

    Args:
        named: the classes that photos got, ``[draws,N]``.
        labels: the true classes, ``[N]``.
        classes: K.
    """
    draws, needs = len(named), []
    for label in range(classes):
        own = int((labels == label).sum())
        hits, said = int((named[:, labels == label] == label).sum()), int((named == label).sum())
        f1 = 2 * hits / max(said + draws * own, 1)
        needs.append(ClassNeed(label=label, photos=own, f1=f1, need=(1 - f1) / max(own, 1)))
    return tuple(sorted(needs, key=lambda need: (-need.need, need.label)))


def _drawn(right: NDArray[np.float64], groups: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """The accuracy with each part, of photos drawn again with replacement, ``[draws,F]``."""
    _, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    sums = np.array([np.bincount(members, line) for line in right])
    sums = np.concatenate([sums, np.ones((len(sums), 1)), np.zeros((len(sums), 1))], axis=1)
    sizes = np.concatenate([sizes, [1, 1]])
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(sizes), (_DRAWS, len(sizes)))
    drawn: NDArray[np.float64] = sums[:, chosen].sum(axis=2).T / sizes[chosen].sum(axis=1)[:, np.newaxis]
    return drawn


def _deviations(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """How far the 95% interval reaches below and above a figure."""
    low, high = (np.quantile(drawn, [0.025, 0.975]) - drawn.mean()) * np.sqrt(VARIANCE)
    return float(low), float(high)


def _point(photos: int, accuracy: float, drawn: NDArray[np.float64]) -> Point:
    low, high = _deviations(drawn)
    return Point(photos=photos, accuracy=accuracy, low=max(accuracy + low, 0.0), high=min(accuracy + high, 1.0))


def _gain(law: PowerLaw) -> float:
    """The accuracy that a law adds from all photos to twice as many."""
    return law.mistakes(1.0) - law.mistakes(_TWICE)


def _trend(
    fractions: tuple[float, ...], right: NDArray[np.float64], drawn: NDArray[np.float64], most: float
) -> str:  # fmt: skip
    """Flat if the gain is small at most; rising if all photos are certainly better than a quarter of them."""
    if most < _SMALL_GAIN:
        return FLAT
    few = fractions.index(FRACTIONS[_QUARTER]) if FRACTIONS[_QUARTER] in fractions else 0
    rise = float(right[-1].mean() - right[few].mean()) + _deviations(drawn[:, -1] - drawn[:, few])[0]
    return RISING if rise > 0 else UNCLEAR
