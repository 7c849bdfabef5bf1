"""Finds photos that are probably in the wrong class, by confident learning.

The predictions come from heads that never saw the photos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Fold, Labels, fit_softmax, folds, photo_weights
from graft_host.heads.temperature import softmax
from graft_host.photos.findings import Mislabel
from graft_host.support.parallel import map_parallel

Probabilities = NDArray[np.float64]

FEWEST_PHOTOS = 5
"""Different photos that a class needs before it is searched for mislabels: one for each fold."""

_LEAST_SKILL = 0.4
"""Balanced accuracy that the heads need, where 0 is chance and 1 perfect. Random weights had 0.2 on cats and dogs."""

_PENALTY = 0.03
"""C of the heads. Of 10 labels swapped among 500 real photos, it found 8 and wrongly named 0.6; C = 0.01 found 7.5 and
named 0.4, C = 0.1 found 8.8 and named 1.3 (means of 8 draws)."""


@dataclass(frozen=True)
class MislabelSearch:
    """The result of a search for photos in the wrong class.

    Attributes:
        mislabels: the photos that are probably in the wrong class, the clearest first.
        accuracy: share of the photos whose class a head named that did not see them; None if no head was trained.
        note: why the search was not made; empty if it was.
        left_out: number of photos that were not searched because the backbone was fitted to them.
    """

    mislabels: tuple[Mislabel, ...] = ()
    accuracy: float | None = None
    note: str = ""
    left_out: int = 0


def search_mislabels(
    bottlenecks: Array,
    labels: Labels,
    places: Sequence[str],
    classes: int,
    seed: int,
    threads: int = 1,
    *,
    fitted: NDArray[np.bool_] | None = None,
) -> MislabelSearch:
    """Searches for photos that are in the wrong class.

    Classes of fewer than five different photos are left out. No photo is named if heads that did not see the photos
    hardly recognize their classes, because most of what such heads take for a mislabel is none.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: ``[N]``, equal for copies and near duplicates, such as ``Photo.place``.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.
        fitted: the photos that the backbone was fitted to, ``[N]``; None for a frozen backbone. They are left out: a
            backbone that was shown the wrong class gives a bottleneck of that class.
    """
    fitted = np.zeros(len(labels), bool) if fitted is None else fitted
    held_out = MislabelSearch(left_out=int(fitted.sum()))
    different = Counter(label for label, _ in {(int(labels[row]), places[row]) for row in np.flatnonzero(~fitted)})
    large = [label for label, count in different.items() if count >= FEWEST_PHOTOS]
    if len(large) < 2:  # noqa: PLR2004  classes to distinguish
        unseen = " that the backbone was not fitted to" if held_out.left_out else ""
        return replace(held_out, note=f"this needs two classes of at least {FEWEST_PHOTOS} different photos{unseen}")
    rows = np.flatnonzero(np.isin(labels, large) & ~fitted)
    chosen = labels[rows]
    chosen_places = [places[row] for row in rows]
    probabilities = held_out_probabilities(bottlenecks[rows], chosen, chosen_places, classes, seed, threads)
    right = probabilities.argmax(axis=1) == chosen
    accuracy = float(right.mean())
    balanced = float(np.mean([right[chosen == label].mean() for label in large]))
    chance = 1 / len(large)
    if (balanced - chance) / (1 - chance) < _LEAST_SKILL:
        note = f"heads that did not see a photo name its class for only {accuracy:.0%} of them, too few to judge"
        return replace(held_out, accuracy=accuracy, note=note)
    mislabels = likely_mislabels(probabilities, chosen)
    clearest = tuple(replace(mislabel, index=int(rows[mislabel.index])) for mislabel in mislabels)
    return replace(held_out, mislabels=clearest, accuracy=accuracy)


def likely_mislabels(probabilities: Probabilities, labels: Labels) -> tuple[Mislabel, ...]:
    """Finds photos that are confidently of another class (Northcutt, Jiang and Chuang, "Confident learning", 2021).

    A photo is confidently of a class if its probability reaches the threshold of the class: the mean probability of
    the class over the photos in its folder. The threshold differs from class to class because typical probabilities do.

    Args:
        probabilities: of heads that did not see the photo, ``[N,K]``; rows of NaN are left out.
        labels: the classes that the photos are in, ``[N]``.

    Returns:
        The photos whose likeliest class is not their own and is confidently theirs; the clearest first.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    thresholds = np.full(probabilities.shape[1], np.inf)
    for label in np.unique(labels[known]):
        thresholds[label] = probabilities[known & (labels == label), label].mean()
    best = np.where(known, np.argmax(probabilities, axis=1), labels)
    rows = np.flatnonzero((best != labels) & (probabilities[np.arange(len(labels)), best] >= thresholds[best]))
    mislabels = [
        Mislabel(
            int(row),
            int(best[row]),
            float(probabilities[row, best[row]]),
            float(probabilities[row, best[row]] - probabilities[row, labels[row]]),
        )
        for row in rows
    ]
    return tuple(sorted(mislabels, key=lambda mislabel: (-mislabel.margin, mislabel.index)))


def held_out_probabilities(
    bottlenecks: Array, labels: Labels, places: Sequence[str], classes: int, seed: int, threads: int = 1
) -> Probabilities:
    """Computes by five folds the probabilities of heads for photos that they were not trained on.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: copies and near duplicates have the same place, and are held out together.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.

    Returns:
        Probabilities ``[N,K]``; NaN for photos without at least two classes of others to train on.
    """
    probabilities = np.full((len(labels), classes), np.nan)
    if not len(labels):
        return probabilities
    groups = np.unique(np.array(places), return_inverse=True)[1].astype(np.int64)
    weights = photo_weights(labels, classes, balanced=True)

    def predict(fold: Fold) -> None:
        inside, outside = fold
        if len(np.unique(labels[inside])) > 1:
            head = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, (_PENALTY,))[0]
            probabilities[outside] = softmax(head.logits(bottlenecks[outside]).astype(np.float64))

    map_parallel(predict, folds(groups, seed), threads)
    return probabilities
