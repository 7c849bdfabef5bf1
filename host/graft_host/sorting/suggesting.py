"""Suggests labels for pictures with a head that is trained on the bottlenecks of those that are sorted already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.ranking import Prediction
from graft_host.heads.finished import finish_head
from graft_host.heads.head import train_head
from graft_host.heads.recipe import Recipe

Array = NDArray[np.float32]

FEWEST_PHOTOS = 3
"""Different photos that a class needs before it is suggested."""

_REFUSED = 0.3
"""Share of the pictures of known classes that may be called unlike all of them. It is larger than in ``graft train``,
because a suggestion that is missing costs less than a wrong one. With 20 sorted photos each of cats and dogs, 97% of
rendered flowers get no suggestion, and 14% of other cats and dogs; with 0.05 it is 43% and 4%."""

_MOST_PHOTOS = 4000
"""Photos that the head is trained on; more would take minutes and gain nothing."""


@dataclass(frozen=True)
class Suggestion:
    """What a picture probably shows.

    Attributes:
        scores: the labels with their probabilities, best first.
        known: whether it is like the pictures of any class.
    """

    scores: tuple[Prediction, ...]
    known: bool


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """Pictures whose label is known.

    Attributes:
        bottlenecks: ``[N,D]``.
        labels: their labels, N of them.
        places: equal for near duplicates, N of them.
    """

    bottlenecks: Array
    labels: Sequence[str]
    places: Sequence[str]


def suggested_labels(known: Sorted, bottlenecks: Array, threads: int) -> list[Suggestion] | None:
    """Suggests a label for each picture.

    All classes count the same, because people sort one class before the next. A picture is called unlike all classes by
    the same rule by which a model calls it unknown; with fewer than 20 sorted photos, none is.

    Args:
        known: the pictures that are sorted.
        bottlenecks: those of the pictures to sort, ``[M,D]``.
        threads: folds at a time.

    Returns:
        A suggestion for each picture; None if there are not two classes of three different photos.
    """
    different = Counter(label for label, _ in {*zip(known.labels, known.places, strict=True)})
    names = sorted(label for label, count in different.items() if count >= FEWEST_PHOTOS)
    if len(names) < 2 or not len(bottlenecks):  # noqa: PLR2004  classes to distinguish
        return None
    rows = np.flatnonzero(np.isin(known.labels, names))
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_PHOTOS)).astype(np.int64)]
    labels = np.searchsorted(names, [known.labels[row] for row in rows]).astype(np.int64)
    groups = np.unique([known.places[row] for row in rows], return_inverse=True)[1].astype(np.int64)
    train, none = (known.bottlenecks[rows], labels), (known.bottlenecks[:0], labels[:0])
    recipe = Recipe(class_weight="balanced")
    head = train_head(train, none, len(names), recipe, groups, threads)
    finished = finish_head(head, train, none, recipe, groups, _REFUSED, threads)
    scores = finished.scores(bottlenecks)
    below = finished.unknown.score if finished.unknown is not None else 0.0
    return [_suggestion(row, names, below) for row in scores]


def _suggestion(scores: NDArray[np.float64], names: Sequence[str], below: float) -> Suggestion:
    order = np.argsort(-scores, kind="stable")
    return Suggestion(
        tuple(Prediction(names[place], float(scores[place])) for place in order), bool(scores.max() >= below)
    )
