"""Trains heads on parts of the photos, and judges them on photos that they did not see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Head, Labels, fit_head, train_head, weighted_photos
from graft_host.heads.held_out import FOLDS, Rows, dealt
from graft_host.heads.map_folds import map_folds
from graft_host.heads.recipe import Recipe

FRACTIONS = (1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
"""The parts of the photos that heads are trained on; the last is all of them."""

_DRAWS = 3
_MANY = 1500  # rows from which one draw is enough: there are more photos to judge on
_FEWEST = 2  # different photos of a class in a part


@dataclass(frozen=True)
class Answers:
    """What heads that were trained on parts of the photos said about the others.

    Attributes:
        fractions: the parts, rising to 1.
        named: the class that each photo got, from each draw and part, ``[draws,F,N]``. No head saw the photo that it
            named, nor a near duplicate of it.
    """

    fractions: tuple[float, ...]
    named: Labels


@dataclass(frozen=True)
class _Draw:
    """One division of the photos.

    Attributes:
        places: the fold of each photo, ``[N]``.
        order: a random number of each group of near duplicates, for each photo of it, ``[N]``.
    """

    places: Labels
    order: NDArray[np.float64]


def usable_fractions(rows: Rows, classes: int) -> tuple[float, ...]:
    """The parts in which every class still has at least two different photos."""
    count = len(rows.groups)
    own = [len(np.unique(rows.groups[rows.labels[:count] == label])) for label in range(classes)]
    pool = min(own) * (FOLDS - 1) // FOLDS
    return tuple(fraction for fraction in FRACTIONS if round(fraction * pool) >= _FEWEST)


def answers_of_parts(
    rows: Rows, classes: int, recipe: Recipe, threads: int = 1, offset: NDArray[np.float64] | None = None
) -> Answers:
    """Names each photo by heads that were trained on parts of the photos outside its fold.

    The folds and what is trained on in them are those of ``held_out_predictions``, so that the largest part is
    about as many photos as the model is trained on. Smaller parts are parts of larger ones. The penalty is chosen once
    for each part, as the model's is, and is then the same in all folds and draws.

    Args:
        rows: all photos.
        classes: K.
        recipe: how the heads are trained.
        threads: heads at a time.
        offset: what is added to the logits of every head, ``[K]``; None for nothing.
    """
    fractions = usable_fractions(rows, classes)
    draws = [_draw(rows, recipe.seed + draw) for draw in range(_DRAWS if len(rows.labels) <= _MANY else 1)]
    penalties = map_folds(
        lambda fraction: _penalty(_part(rows, draws[0], 0, fraction), rows, classes, recipe),
        fractions,
        threads,
    )
    jobs = list(product(range(len(draws)), range(len(fractions)), range(FOLDS)))

    def answer(job: tuple[int, int, int]) -> Labels:
        draw, part, fold = draws[job[0]], job[1], job[2]
        chosen = _part(rows, draw, fold, fractions[part])
        head = _fitted(rows, _trained_on(rows, chosen, classes), classes, recipe, penalties[part])
        logits = head.logits(rows.bottlenecks[: len(rows.groups)][draw.places == fold])
        named: Labels = np.argmax(logits if offset is None else logits + offset, axis=1)
        return named

    named = np.zeros((len(draws), len(fractions), len(rows.groups)), np.int64)
    for (draw, part, fold), answers in zip(jobs, map_folds(answer, jobs, threads), strict=True):
        named[draw, part, draws[draw].places == fold] = answers
    return Answers(fractions, named)


def _draw(rows: Rows, seed: int) -> _Draw:
    numbers = np.random.default_rng(seed).permutation(int(rows.groups.max()) + 1).astype(np.float64)
    return _Draw(dealt(rows.labels[: len(rows.groups)], rows.groups, seed), numbers[rows.groups])


def _part(rows: Rows, draw: _Draw, fold: int, fraction: float) -> NDArray[np.bool_]:
    """Which photos outside a fold are in a part, ``[N]``; it has the same share of each class."""
    labels = rows.labels[: len(rows.groups)]
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        pool = (labels == label) & (draw.places != fold)
        numbers = np.unique(draw.order[pool])
        wanted = min(len(numbers), max(_FEWEST, round(fraction * len(numbers))))
        chosen |= pool & np.isin(draw.order, numbers[:wanted])
    return chosen


def _trained_on(rows: Rows, chosen: NDArray[np.bool_], classes: int) -> NDArray[np.bool_]:
    """Which rows train a head: those of the chosen photos that do not validate, and those that always train."""
    count = len(rows.groups)
    trains = chosen & ~rows.validates
    missing = np.bincount(rows.labels[:count][trains], minlength=classes) == 0
    trains |= chosen & missing[rows.labels[:count]]  # a class of which only validation photos were drawn
    always = rows.photos < 0
    used: NDArray[np.bool_] = always | trains[np.maximum(rows.photos, 0)]
    return used


def _penalty(chosen: NDArray[np.bool_], rows: Rows, classes: int, recipe: Recipe) -> float | None:
    """The penalty that is best for a part of the photos."""
    trains, validates = _trained_on(rows, chosen, classes), np.flatnonzero(chosen & rows.validates)
    groups = np.where(rows.photos < 0, rows.photos, rows.groups[np.maximum(rows.photos, 0)])
    return train_head(
        (rows.bottlenecks[trains], rows.labels[trains]), (rows.bottlenecks[validates], rows.labels[validates]),
        classes, recipe, groups[trains], weights=None if rows.weights is None else rows.weights[trains],
    ).penalty  # fmt: skip


def _fitted(rows: Rows, trains: NDArray[np.bool_], classes: int, recipe: Recipe, penalty: float | None) -> Head:
    photos = rows.bottlenecks[trains], rows.labels[trains]
    weights = None if rows.weights is None else rows.weights[trains]
    return fit_head(weighted_photos(photos, classes, recipe, weights), classes, recipe, penalty)
