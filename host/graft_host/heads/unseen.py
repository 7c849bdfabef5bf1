"""The results of heads on photos that they were not trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Fold, Head, Labels, Weights, fit_head, folds, weighted_photos
from graft_host.heads.map_folds import map_folds
from graft_host.heads.novelty import measure_spread
from graft_host.heads.recipe import Recipe
from graft_host.heads.thresholds import HeldOut


def held_out(head: Head, known: Array, photos: tuple[Array, Labels]) -> HeldOut:
    """The results of a head on other photos than those that it was trained on, with distances from the known ones."""
    distances = measure_spread(known).distance(photos[0])
    return HeldOut(head.logits(photos[0]).astype(np.float64), photos[1], distances)


def validated(head: Head, validation: tuple[Array, Labels], recipe: Recipe) -> HeldOut:
    """The results of a head on the validation photos, fold by fold at a distance from the other validation photos."""
    bottlenecks, labels = validation
    distances = np.zeros(len(labels))
    for inside, outside in folds(np.arange(len(labels)), recipe.seed):
        distances[outside] = measure_spread(bottlenecks[inside]).distance(bottlenecks[outside])
    return HeldOut(head.logits(bottlenecks).astype(np.float64), labels, distances)


def folded(
    head: Head,
    train: tuple[Array, Labels],
    recipe: Recipe,
    groups: Labels,
    weights: Weights | None,
    threads: int,
    likeness: NDArray[np.float64] | None = None,
) -> list[HeldOut]:
    """Results on the training photos, fold by fold, of heads trained on the other folds; without variants.

    Args:
        head: trained on all of them; its penalty is that of all heads.
        train: bottlenecks and labels.
        recipe: how heads are trained.
        groups: of the rows of ``train``, as in ``finish_head``.
        weights: of the rows of ``train`` in the loss; None if all count the same.
        threads: folds at a time.
        likeness: of the rows of ``train`` to negatives; None if there are none to learn from.
    """
    classes = len(head.bias)
    originals = np.zeros(len(groups), bool)
    originals[np.unique(groups, return_index=True)[1]] = True

    def results(fold: Fold) -> HeldOut:
        inside, outside = fold
        held = outside & originals
        kept = (train[0][inside], train[1][inside])
        weighted = weighted_photos(kept, classes, recipe, None if weights is None else weights[inside])
        known = without(kept[0], groups[inside])
        result = held_out(fit_head(weighted, classes, recipe, head.penalty), known, (train[0][held], train[1][held]))
        return result if likeness is None else replace(result, likeness=likeness[held])

    return map_folds(results, folds(groups, recipe.seed), threads)


def without(bottlenecks: Array, groups: Labels) -> Array:
    """Bottlenecks without the rows that only train, whose groups are negative."""
    return bottlenecks if (groups >= 0).all() else bottlenecks[groups >= 0]


def joined(results: list[HeldOut]) -> HeldOut:
    """The results of several heads side by side."""
    likeness = [result.likeness for result in results if result.likeness is not None]
    return HeldOut(
        np.concatenate([result.logits for result in results]),
        np.concatenate([result.labels for result in results]),
        np.concatenate([result.distances for result in results]),
        np.concatenate(likeness) if likeness else None,
    )
