"""Classifies each photo with a head that was trained as the model's head is, but without the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Labels, Weights, train_head
from graft_host.heads.map_folds import map_folds
from graft_host.heads.recipe import Recipe

FOLDS = 5

VARIANCE = 1 + FOLDS / (FOLDS - 1)
"""How much larger the variance of the accuracy is than if each photo had been classified by a head of its own.

The heads share most of their photos. C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
Learning 52 (2003), 239-281: 1/J + n2/n1 in place of 1/J, for J folds of n2 photos and n1 others.
"""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All photos of a data set, and the variants of some.

    Attributes:
        bottlenecks: float32 ``[N+V,D]``: of N photos, followed by V variants and photos that only train.
        labels: the classes, ``[N+V]``.
        photos: the photo of each row, ``[N+V]``: 0 to N-1, and then those of the variants; negative for a photo that
            every head is trained on and that is not classified.
        groups: photos with the same number, ``[N]``, are near duplicates.
        validates: whether a photo is a validation photo, ``[N]``.
        weights: of the rows in the loss, ``[N+V]``; None if all count the same.
    """

    bottlenecks: Array
    labels: Labels
    photos: Labels
    groups: Labels
    validates: NDArray[np.bool_]
    weights: Weights | None = None


def dealt(labels: Labels, groups: Labels, seed: int) -> Labels:
    """Deals the groups of each class, shuffled, to the folds; returns the fold of each photo, ``[N]``.

    So a class has about the same share of the photos with and without a fold. Otherwise a head would know that a photo
    is held out by what is missing, and would name the other classes.

    Args:
        labels: the classes, ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates and come into one fold.
        seed: shuffles the groups.
    """
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    places = np.empty(len(first), np.int64)
    for label in np.unique(labels):
        own = shuffled[labels[first][shuffled] == label]
        places[own] = np.arange(len(own)) % FOLDS
    return places[members]


def held_out_predictions(
    rows: Rows, classes: int, recipe: Recipe, threads: int = 1, offset: NDArray[np.float64] | None = None
) -> Labels:
    """Names the class of each photo with a head that saw neither the photo nor a near duplicate of it.

    There are up to five folds of about as many photos of each class. For each, a head is trained on the other photos
    in the way in which the model's is: on those that are not validation photos, with a penalty that the validation
    photos among them choose, with the help of folds if they are few. So a head is trained on about as many photos as
    the model's.

    Args:
        rows: photos, with bottlenecks of the network that the model has.
        classes: K.
        recipe: how the head is trained.
        threads: folds at a time.
        offset: what is added to the logits of every head, ``[K]``; None for nothing.

    Returns:
        The classes, ``[N]``.

    Raises:
        GraftError: gradient descent diverged.
    """
    count = len(rows.groups)
    places = dealt(rows.labels[:count], rows.groups, recipe.seed)

    def predictions(fold: int) -> Labels:
        always = rows.photos < 0
        trains = always | ((places != fold) & ~rows.validates)[rows.photos]
        chooses = np.flatnonzero((places != fold) & rows.validates)
        head = train_head(
            (rows.bottlenecks[trains], rows.labels[trains]),
            (rows.bottlenecks[chooses], rows.labels[chooses]),
            classes,
            recipe,
            np.where(always, rows.photos, rows.groups[rows.photos])[trains],
            weights=None if rows.weights is None else rows.weights[trains],
        )
        logits = head.logits(rows.bottlenecks[:count][places == fold])
        predicted: Labels = np.argmax(logits if offset is None else logits + offset, axis=1)
        return predicted

    named = np.zeros(count, np.int64)
    used = np.unique(places)
    for fold, predicted in zip(used, map_folds(predictions, used.tolist(), threads), strict=True):
        named[places == fold] = predicted
    return named
