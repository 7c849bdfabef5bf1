"""How good a head will be on new photos, told from photos that it was trained on in turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import PENALTIES, Array, Head, Labels, cross_entropy, fit_softmax, folds, photo_weights
from graft_host.support.parallel import each


@dataclass(frozen=True)
class CrossValidated:
    """What heads say of photos that they did not see.

    Attributes:
        accuracy: share of the photos whose class was named.
        standard_error: of that share.
        photos: how many.
    """

    accuracy: float
    standard_error: float
    photos: int


def cross_validate(
    bottlenecks: Array,
    labels: Labels,
    groups: Labels,
    classes: int,
    seed: int,
    *,
    balanced: bool = False,
    threads: int = 1,
) -> CrossValidated:
    """Names each photo by a head that was trained without it, in five folds.

    The penalty of a fold's head is the one with the smallest loss on each other fold, by heads that were trained
    without either: the labels of the photos that it is judged on have no part in it.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates, and stay in one fold.
        classes: K.
        seed: shuffles the folds.
        balanced: weigh photos so that every class counts the same in training.
        threads: folds at a time.
    """
    weights = photo_weights(labels, classes, balanced=balanced)
    parts = folds(groups, seed)

    def inner(pair: tuple[int, int]) -> NDArray[np.float64]:
        """The losses ``[penalties,2]`` on each fold of a pair, of heads that saw neither; both need them."""
        held = [parts[place][1] for place in pair]
        inside = ~(held[0] | held[1])
        if not inside.any():
            return np.zeros((len(PENALTIES), 2))
        heads = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, PENALTIES)
        return np.array(
            [[_loss(head, bottlenecks[rows], labels[rows], weights[rows]) for rows in held] for head in heads]
        )

    pairs = list(combinations(range(len(parts)), 2))
    losses = np.zeros((len(PENALTIES), len(parts)))
    for (one, other), (of_one, of_other) in zip(pairs, (found.T for found in each(inner, pairs, threads)), strict=True):
        losses[:, one] += of_other
        losses[:, other] += of_one

    def outer(place: int) -> NDArray[np.bool_]:
        inside, outside = parts[place]
        penalty = PENALTIES[int(np.argmin(losses[:, place]))]
        (head,) = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, (penalty,))
        right: NDArray[np.bool_] = head.predict(bottlenecks[outside]) == labels[outside]
        return right

    named = each(outer, range(len(parts)), threads)
    hits, photos = sum(int(right.sum()) for right in named), len(labels)
    return CrossValidated(hits / photos, standard_error(hits, photos, len(np.unique(groups))), photos)


def standard_error(hits: int, photos: int, different: int) -> float:
    """The standard error of the share ``hits / photos`` where near duplicates leave fewer different photos.

    The binomial's, with Laplace's (hits + 1) / (photos + 2) for the share, so that no mistake among a few photos does
    not pass for certainty, and one vote for each group of near duplicates.
    """
    share = (hits + 1) / (photos + 2)
    return float(np.sqrt(share * (1 - share) / different))


def _loss(head: Head, bottlenecks: Array, labels: Labels, weights: NDArray[np.float64]) -> float:
    return float(weights.sum()) * cross_entropy(head.logits(bottlenecks), labels, weights)
