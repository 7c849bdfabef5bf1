"""How good a head will be on new photos, told from photos that it was trained on in turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.head import PENALTIES, Array, Fold, Labels, fit_softmax, folds, photo_weights
from graft_host.parallel import each


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

    The penalty of a fold's head is the one with the smallest loss on the other folds' photos, so that none is chosen
    by the photos that it is judged on.

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
    losses = np.zeros((len(PENALTIES), len(labels)))
    right = np.zeros((len(PENALTIES), len(labels)), np.bool_)

    def look(fold: Fold) -> None:
        inside, outside = fold
        heads = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, PENALTIES)
        for place, head in enumerate(heads):
            logits, truth = head.logits(bottlenecks[outside]).astype(np.float64), labels[outside]
            losses[place, outside] = _losses(logits, truth) * weights[outside]
            right[place, outside] = logits.argmax(axis=1) == truth

    parts = folds(groups, seed)
    each(look, parts, threads)
    named = np.zeros(len(labels), np.bool_)
    for inside, outside in parts:
        penalty = int(np.argmin(losses[:, inside].sum(axis=1)))
        named[outside] = right[penalty, outside]
    hits, photos = int(named.sum()), len(labels)
    return CrossValidated(hits / photos, standard_error(hits, photos, len(np.unique(groups))), photos)


def standard_error(hits: int, photos: int, different: int) -> float:
    """The standard error of the share ``hits / photos`` where near duplicates leave fewer different photos.

    The binomial's, with Laplace's (hits + 1) / (photos + 2) for the share, so that no mistake among a few photos does
    not pass for certainty, and one vote for each group of near duplicates.
    """
    share = (hits + 1) / (photos + 2)
    return float(np.sqrt(share * (1 - share) / different))


def _losses(logits: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    losses: NDArray[np.float64] = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return losses
