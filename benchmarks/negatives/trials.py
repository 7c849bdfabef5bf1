"""One draw of photos: a head that learns from negatives, beside the same without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.negatives.subjects import Subject
from graft_host.heads.finished import finish_head
from graft_host.heads.head import train_head
from graft_host.heads.negatives import Negatives
from graft_host.heads.recipe import Recipe

_TRAIN, _VALIDATION = 80, 16
"""Photos of each class; the others test."""
_HELD_OUT = 90
"""Negatives that nothing is learned from."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Shares of photos, each with and without having learned from negatives.

    Attributes:
        negatives: of the negatives that were held out, refused.
        known: of the known test photos, refused.
        others: of unknown things of other kinds, refused, by kind.
        accuracy: of the known test photos, those that get their true class, refused or not.
        named_right: of the known test photos, those that get their true class and are not refused.
    """

    negatives: tuple[float, float]
    known: tuple[float, float]
    others: dict[str, tuple[float, float]]
    accuracy: float
    named_right: tuple[float, float]


def trial(subject: Subject, kinds: Mapping[str, Rows], count: int, rate: float, seed: int) -> Trial:
    """Draws photos, trains a head, and tests it.

    Args:
        subject: the classes, the negatives and the others.
        kinds: the bottlenecks of each kind.
        count: number of negatives that are learned from.
        rate: share of known photos that may be refused.
        seed: draws.
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(kinds[name]) for name in subject.known]
    ends = (0, _TRAIN), (_TRAIN, _TRAIN + _VALIDATION), (_TRAIN + _VALIDATION, None)
    train, validation, test = (
        (
            np.concatenate([rows[start:end] for rows in drawn]),
            np.repeat(np.arange(len(drawn)), [len(rows[start:end]) for rows in drawn]),
        )
        for start, end in ends
    )
    negatives = rng.permutation(kinds[subject.negatives])
    learned, held_out = negatives[:count], negatives[-_HELD_OUT:]
    recipe, groups = Recipe(seed=seed), np.arange(len(train[1]))
    head = train_head(train, validation, len(drawn), recipe)
    taught = finish_head(
        head, train, validation, recipe, groups, rate,
        negatives=Negatives(learned, len(groups) + np.arange(len(learned))),
    )  # fmt: skip
    plain = taught.without_negatives()
    right = taught.head.predict(test[0]) == test[1]

    def refused(rows: Rows) -> tuple[float, float]:
        return float(taught.refuses(rows).mean()), float(plain.refuses(rows).mean())

    return Trial(
        negatives=refused(held_out),
        known=refused(test[0]),
        others={name: refused(kinds[name]) for name in subject.others},
        accuracy=float(right.mean()),
        named_right=(
            float((right & ~taught.refuses(test[0])).mean()), float((right & ~plain.refuses(test[0])).mean())
        ),
    )  # fmt: skip
