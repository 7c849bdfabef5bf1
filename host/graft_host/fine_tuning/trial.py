"""Tries a fine-tuning: trains tails without a fold of the photos, and compares them with linear heads on that fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.fine_tuning.decision import Comparison, Trial, compare, joined
from graft_host.fine_tuning.plan import FOLDS, Plan
from graft_host.fine_tuning.session import Session
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.tuner import Measured
from graft_host.heads.head import Labels
from graft_host.heads.temperature import log_losses
from graft_host.support.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Fold:
    """The trial of one fold.

    Attributes:
        trial: the logits for the photos of the fold.
        seconds: that the training took.
        memory: that TensorFlow's process took, in bytes.
    """

    trial: Trial
    seconds: float
    memory: int


def fold_numbers(labels: Labels, groups: Labels, folds: int, seed: int) -> Labels:
    """Divides rows into folds of nearly the same number of photos of each class.

    Args:
        labels: ``[N]``.
        groups: rows with the same number stay in one fold, ``[N]``; those with a negative number are in none.
        folds: the number of folds.
        seed: shuffles the groups.

    Returns:
        The fold of each row, ``[N]``; -1 for none.
    """
    rng = np.random.default_rng(seed)
    numbers, first, members = np.unique(groups, return_index=True, return_inverse=True)
    places = np.full(len(numbers), -1)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero((labels[first] == label) & (numbers >= 0)))
        places[own] = np.arange(len(own)) % folds
    return places[members]


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The rows on both sides of a fold, as places in the rows that a plan trains on.

    Attributes:
        inside: the rows to train on.
        outside: the photos that judge, without their renditions.
        groups: of ``outside``; near duplicates have the same number.
    """

    inside: NDArray[np.int64]
    outside: NDArray[np.int64]
    groups: Labels


def sides(subject: Subject, plan: Plan, number: int) -> Sides:
    """The sides of a fold, from 0."""
    kept = subject.rows(plan)
    groups = subject.groups[kept]
    places = fold_numbers(subject.train[1][kept], groups, FOLDS, subject.recipe.seed)
    outside = first_of_each(subject.photos[kept], places == number)
    return Sides(inside=np.flatnonzero(places != number), outside=outside, groups=groups[outside])


def linear_loss(subject: Subject, plan: Plan) -> float:
    """The log loss of linear heads on photos that they were not trained on, in nats a photo."""
    kept, losses = subject.rows(plan), []
    for number in range(FOLDS):
        fold = sides(subject, plan, number)
        head = subject.linear_head(kept[fold.inside])
        bottlenecks, labels = (values[kept[fold.outside]] for values in subject.train)
        losses.append(log_losses(head.logits(bottlenecks).astype(np.float64), labels))
    return float(np.concatenate(losses).mean())


def try_fold(session: Session, number: int, progress: Progress, measured: Measured) -> Fold:
    """Trains a tail without a fold, and returns the logits of both heads for its photos.

    Args:
        session: with the maps.
        number: of the fold, from 0.
        progress: called with (steps done, steps).
        measured: called before the training.
    """
    subject, rows = session.subject, session.rows
    fold = sides(subject, session.plan, number)
    linear = subject.linear_head(session.kept[fold.inside])
    tuned, seconds = session.train(fold.inside, linear, progress, measured)
    head = session.tuned_head(tuned, fold.inside)
    trial = Trial(
        linear=linear.logits(rows.bottlenecks[fold.outside]).astype(np.float64),
        tuned=head.logits(tuned.bottlenecks[fold.outside]).astype(np.float64),
        labels=rows.labels[fold.outside],
        groups=fold.groups,
        folds=np.full(len(fold.outside), number),
        seed=subject.recipe.seed,
    )
    return Fold(trial=trial, seconds=seconds, memory=tuned.memory)


def first_of_each(photos: Labels, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first wanted row of each photo: the photo itself."""
    rows = np.flatnonzero(wanted)
    first: NDArray[np.int64] = rows[np.sort(np.unique(photos[rows], return_index=True)[1])]
    return first


def judged(folds: Iterable[Fold]) -> tuple[Comparison, list[Fold]]:
    """Compares both heads on all folds, or on the first ones if the tuned tails clearly lose."""
    finished: list[Fold] = []
    for fold in folds:
        finished.append(fold)
        comparison = compare(joined([each.trial for each in finished]))
        if comparison.loses:
            break
    return comparison, finished
