"""Photos that probably lie in the wrong class, by confident learning on predictions of heads that never saw them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Fold, Labels, fit_softmax, folds, photo_weights
from graft_host.heads.thresholds import softmax
from graft_host.photos.findings import Mislabel
from graft_host.support.parallel import each

Probabilities = NDArray[np.float64]

FEWEST_PHOTOS = 5
"""Different photos that a class needs for mislabels to be looked for in it: one for each fold."""

_LEAST_SKILL = 0.4
"""Of the heads: balanced accuracy, 0 being chance and 1 perfect. Random weights had 0.2 on cats and dogs."""

_PENALTY = 0.03
"""C of the heads. Of 10 labels swapped among 500 real photos, 8 were found and 0.6 others named; C = 0.01 found 7.5 and
named 0.4, C = 0.1 found 8.8 and named 1.3 (means of 8 draws)."""


@dataclass(frozen=True)
class MislabelSearch:
    """What was found of photos in the wrong class.

    Attributes:
        mislabels: the clearest first.
        accuracy: share of the photos whose class was named by a head that did not see them; None if none was trained.
        note: why none are named; empty where they are.
    """

    mislabels: tuple[Mislabel, ...] = ()
    accuracy: float | None = None
    note: str = ""


def search_mislabels(
    bottlenecks: Array, labels: Labels, places: Sequence[str], classes: int, seed: int, threads: int = 1
) -> MislabelSearch:
    """Looks for photos that lie in the wrong class; ``places`` are equal for copies and near duplicates.

    Classes of fewer than five different photos are left out, and nothing is named where heads that did not see the
    photos can hardly tell their classes: what such heads take for a mislabel mostly is none.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: ``[N]``, such as ``Photo.place``.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.
    """
    different = Counter(label for label, _ in set(zip(labels.tolist(), places, strict=True)))
    large = [label for label, count in different.items() if count >= FEWEST_PHOTOS]
    if len(large) < 2:  # noqa: PLR2004  classes to tell apart
        return MislabelSearch(note=f"that takes two classes of at least {FEWEST_PHOTOS} different photos")
    rows = np.flatnonzero(np.isin(labels, large))
    chosen = labels[rows]
    said = held_out_probabilities(bottlenecks[rows], chosen, [places[row] for row in rows], classes, seed, threads)
    right = said.argmax(axis=1) == chosen
    accuracy = float(right.mean())
    balanced = float(np.mean([right[chosen == label].mean() for label in large]))
    chance = 1 / len(large)
    if (balanced - chance) / (1 - chance) < _LEAST_SKILL:
        note = f"heads that did not see a photo name its class on {accuracy:.0%} of them only, too few to tell"
        return MislabelSearch(accuracy=accuracy, note=note)
    found = (replace(mislabel, index=int(rows[mislabel.index])) for mislabel in likely_mislabels(said, chosen))
    return MislabelSearch(tuple(found), accuracy)


def likely_mislabels(probabilities: Probabilities, labels: Labels) -> tuple[Mislabel, ...]:
    """Finds photos that are confidently of another class (Northcutt, Jiang and Chuang, "Confident learning", 2021).

    A class is confidently that of a photo if its probability reaches the class's threshold, the mean probability of
    the class over the photos that are said to be of it: what a class is usually given differs from class to class.

    Args:
        probabilities: of heads that did not see the photo, ``[N,K]``; a row of NaN says nothing.
        labels: the classes that the photos lie in, ``[N]``.

    Returns:
        Those of which a class is confidently that isn't theirs, and is likelier than any other; the clearest first.
    """
    known = ~np.isnan(probabilities).any(axis=1)
    thresholds = np.full(probabilities.shape[1], np.inf)
    for label in np.unique(labels[known]):
        thresholds[label] = probabilities[known & (labels == label), label].mean()
    best = np.where(known, np.argmax(probabilities, axis=1), labels)
    rows = np.flatnonzero((best != labels) & (probabilities[np.arange(len(labels)), best] >= thresholds[best]))
    found = [
        Mislabel(
            int(row),
            int(best[row]),
            float(probabilities[row, best[row]]),
            float(probabilities[row, best[row]] - probabilities[row, labels[row]]),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda mislabel: (-mislabel.margin, mislabel.index)))


def held_out_probabilities(
    bottlenecks: Array, labels: Labels, places: Sequence[str], classes: int, seed: int, threads: int = 1
) -> Probabilities:
    """What heads say of photos that they were not trained on, by five folds.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: photos with the same one (copies and near duplicates) are held out together.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.

    Returns:
        Probabilities ``[N,K]``; NaN where there was nothing else to train on.
    """
    found = np.full((len(labels), classes), np.nan)
    if not len(labels):
        return found
    groups = np.unique(np.array(places), return_inverse=True)[1].astype(np.int64)
    weights = photo_weights(labels, classes, balanced=True)

    def look(fold: Fold) -> None:
        inside, outside = fold
        if len(np.unique(labels[inside])) > 1:
            head = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, (_PENALTY,))[0]
            found[outside] = softmax(head.logits(bottlenecks[outside]).astype(np.float64))

    each(look, folds(groups, seed), threads)
    return found
