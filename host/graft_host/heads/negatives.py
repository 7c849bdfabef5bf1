"""Learns from negatives, photos that are of none of the classes, what else to call unknown.

A distance alone cannot tell a known photo from one that looks much like the known ones. So a linear detector learns to
distinguish the negatives from the known photos, and the logits of what looks like a negative shrink inside the network
too. The detector acts beside the distance and never makes up for it, so that things unlike both are refused as before.
How far known photos look like negatives is measured on photos that the detector did not see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Labels, Weights, fit_softmax, folds
from graft_host.heads.novelty import roots

Wide = NDArray[np.float64]

FEWEST_NEGATIVES = 5
"""Different negatives below which nothing is learned from them: each of five folds needs one."""

_PENALTY = 0.1
"""C of the detector. With 10 to 100 negatives, 1 refuses about as many of others like them, and a C that is chosen by
cross-validation half as many where there are 10 (``docs/explanation/figures.md``)."""


@dataclass(frozen=True)
class Negatives:
    """Photos that are of none of the classes.

    Attributes:
        bottlenecks: float32 ``[M,D]``.
        groups: negatives with the same number are near duplicates, and near duplicates of the known photos that have
            this number, ``[M]``.
    """

    bottlenecks: Array
    groups: Labels


@dataclass(frozen=True)
class Detector:
    """Says how much a bottleneck looks like a negative.

    Attributes:
        weight: of each number, of its square root where ``root`` is true, float32 ``[D]``.
        bias: what is added.
        root: whether square roots are weighed in place of the numbers.
    """

    weight: Array
    bias: float
    root: bool

    def likeness(self, bottlenecks: Array) -> Wide:
        """The logarithm of the odds that each is a negative, were these as many as known photos; ``[N]``."""
        values = roots(bottlenecks) if self.root else bottlenecks
        return (values @ self.weight).astype(np.float64) + self.bias


@dataclass(frozen=True)
class Detected:
    """A detector, and how much photos look like negatives that it did not see.

    Attributes:
        detector: trained on all known photos and negatives.
        known: the likeness of each known row, ``[N]``, by a detector that did not see its photo; 0 for rows that only
            train.
        negatives: the same of each negative, ``[M]``.
    """

    detector: Detector
    known: Wide
    negatives: Wide


def detect(
    known: Array, weights: Weights, groups: Labels, negatives: Negatives, seed: int, *, root: bool
) -> Detected | None:
    """Trains a detector on known photos and negatives, and in five folds detectors that did not see a fold.

    Args:
        known: bottlenecks of known photos, ``[N,D]``.
        weights: of the known photos in the loss, ``[N]``.
        groups: known photos with the same number are near duplicates, ``[N]``. Rows with a negative number
            are left out.
        negatives: photos of none of the classes.
        seed: shuffles the folds.
        root: whether square roots of the bottlenecks are weighed.

    Returns:
        None if there are too few different negatives.
    """
    if len(np.unique(negatives.groups)) < FEWEST_NEGATIVES:
        return None
    sides, places = folds(groups, seed), _places(groups, negatives.groups, seed)
    if any((places == fold).all() for fold in range(len(sides))):
        return None
    likeness, unlike = np.zeros(len(known)), np.zeros(len(places))
    for fold, (inside, outside) in enumerate(sides):
        rows = inside & (groups >= 0)
        detector = fit_detector(known[rows], weights[rows], negatives.bottlenecks[places != fold], root=root)
        likeness[outside] = detector.likeness(known[outside])
        unlike[places == fold] = detector.likeness(negatives.bottlenecks[places == fold])
    held = groups >= 0
    return Detected(fit_detector(known[held], weights[held], negatives.bottlenecks, root=root), likeness, unlike)


def fit_detector(known: Array, weights: Weights, negatives: Array, *, root: bool) -> Detector:
    """Trains a detector by logistic regression; all negatives together count as much as all known photos.

    Args:
        known: bottlenecks ``[N,D]``.
        weights: of the known photos in the loss, ``[N]``.
        negatives: bottlenecks ``[M,D]``.
        root: whether square roots of the bottlenecks are weighed.
    """
    photos = np.concatenate([known, negatives])
    labels = np.repeat(np.array([0, 1], np.int64), [len(known), len(negatives)])
    each = np.full(len(negatives), weights.sum() / len(negatives))
    (fitted,) = fit_softmax(
        roots(photos) if root else photos, labels, np.concatenate([weights, each]), 2, (_PENALTY,)
    )  # fmt: skip
    kernel, bias = fitted.kernel, fitted.bias.astype(np.float64)
    return Detector(np.ascontiguousarray(kernel[:, 1] - kernel[:, 0]), float(bias[1] - bias[0]), root)


def _places(groups: Labels, others: Labels, seed: int) -> Labels:
    """The fold of each negative: that of its near duplicates among the known photos, or else one of its own."""
    fold_of = {
        int(group): fold
        for fold, (_, outside) in enumerate(folds(groups, seed))
        for group in np.unique(groups[outside])
    }
    own = np.array([group for group in np.unique(others) if int(group) not in fold_of], np.int64)
    order = np.random.default_rng(seed).permutation(len(own))
    fold_of |= {int(group): place % FEWEST_NEGATIVES for group, place in zip(own, order.tolist(), strict=True)}
    return np.array([fold_of[int(group)] for group in others], np.int64)
