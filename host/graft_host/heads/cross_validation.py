"""Estimates by cross-validation how accurate a head will be on new photos."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import (
    PENALTIES,
    Array,
    Head,
    Labels,
    Weights,
    cross_entropy,
    fit_softmax,
    folds,
    weighted_photos,
)
from graft_host.heads.map_folds import map_folds
from graft_host.heads.recipe import Recipe


@dataclass(frozen=True)
class CrossValidated:
    """The accuracy of heads on photos that they did not see.

    Attributes:
        accuracy: share of the photos that got their true class.
        standard_error: of the accuracy.
        photos: number of photos.
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
    weights: Weights | None = None,
) -> CrossValidated:
    """Classifies each photo with a head that was trained without it, in five folds.

    The penalty of a fold's head is the one with the smallest summed loss on the other folds, each of them judged by
    heads that were trained without it and without the fold itself. So the labels of the photos that a head is judged
    on have no influence on its penalty.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates and stay in one fold. Photos with a negative
            number are trained on in every fold and are not judged.
        classes: K.
        seed: shuffles the folds.
        balanced: whether photos are weighted so that every class counts the same in training.
        threads: folds at a time.
        weights: of the photos in the loss, ``[N]``; None if all count the same.
    """
    recipe = Recipe(class_weight="balanced" if balanced else "none")
    weights = weighted_photos((bottlenecks, labels), classes, recipe, weights)[2]
    splits = folds(groups, seed)

    def inner(pair: tuple[int, int]) -> NDArray[np.float64]:
        """The losses ``[penalties,2]`` on the two folds of a pair, of heads that saw neither; each fold needs them."""
        held = [splits[place][1] for place in pair]
        inside = ~(held[0] | held[1])
        if not inside.any():
            return np.zeros((len(PENALTIES), 2))
        heads = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, PENALTIES)
        return np.array(
            [[_loss(head, bottlenecks[rows], labels[rows], weights[rows]) for rows in held] for head in heads]
        )

    pairs = list(combinations(range(len(splits)), 2))
    losses = np.zeros((len(PENALTIES), len(splits)))
    for (first, second), pair_losses in zip(pairs, map_folds(inner, pairs, threads), strict=True):
        losses[:, first] += pair_losses[:, 1]
        losses[:, second] += pair_losses[:, 0]

    def outer(place: int) -> NDArray[np.bool_]:
        """Which photos of a fold get their true class."""
        inside, outside = splits[place]
        penalty = PENALTIES[int(np.argmin(losses[:, place]))]
        (head,) = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, (penalty,))
        right: NDArray[np.bool_] = head.predict(bottlenecks[outside]) == labels[outside]
        return right

    results = map_folds(outer, range(len(splits)), threads)
    judged = groups >= 0
    hits, photos = sum(int(right.sum()) for right in results), int(judged.sum())
    return CrossValidated(hits / photos, standard_error(hits, photos, len(np.unique(groups[judged]))), photos)


def validate(head: Head, bottlenecks: Array, labels: Labels, groups: Labels) -> CrossValidated:
    """How many photos a head names that neither it nor its backbone was fitted to.

    Args:
        head: trained on other photos.
        bottlenecks: ``[N,D]``.
        labels: the true classes, ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates.
    """
    hits, photos = int((head.predict(bottlenecks) == labels).sum()), len(labels)
    return CrossValidated(hits / photos, standard_error(hits, photos, len(np.unique(groups))), photos)


def standard_error(hits: int, photos: int, different: int) -> float:
    """The standard error of the share ``hits / photos``, where only ``different`` photos are not near duplicates.

    This is the binomial standard error with one vote for each group of near duplicates. The share is Laplace's
    (hits + 1) / (photos + 2), so that a few photos without a mistake do not count as certainty.
    """
    share = (hits + 1) / (photos + 2)
    return float(np.sqrt(share * (1 - share) / different))


def _loss(head: Head, bottlenecks: Array, labels: Labels, weights: NDArray[np.float64]) -> float:
    return float(weights.sum()) * cross_entropy(head.logits(bottlenecks), labels, weights)
