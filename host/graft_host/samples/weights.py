"""Weighs source photos against those of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import PENALTIES, Array, Labels, Weights, cross_entropy, fit_softmax, folds
from graft_host.heads.map_folds import map_folds
from graft_host.samples.options import DENSITY, EQUAL

CLIP = 10.0
"""A source photo weighs at most this many times the median source photo, and at least the inverse."""

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class WeightedSource:
    """What source photos weigh, where a photo of the target has 1.

    Attributes:
        rule: ``equal``, ``density``, or the weight of each photo.
        photos: the weight of each source photo with its copies, ``[S]``.
        rows: the weight of each of their training rows, ``[R]``.
    """

    rule: str | float
    photos: Weights
    rows: Weights

    @property
    def effective(self) -> float:
        """The number of equally weighed photos that would vary as much: (Σw)² / Σw² (Kish 1965)."""
        return float(self.photos.sum() ** 2 / np.square(self.photos).sum())

    @property
    def quantiles(self) -> list[float]:
        """The least weight, the quartiles and the greatest weight of a photo."""
        return [float(value) for value in np.quantile(self.photos, _QUANTILES)]

    def to_json(self) -> dict[str, Any]:
        """The rule, the sum, the quantiles and the effective number of photos."""
        return {
            "rule": self.rule,
            "sum": float(self.photos.sum()),
            "quantiles": self.quantiles,
            "effective_photos": self.effective,
        }


def weigh(
    rule: str | float,
    target: Array,
    source: Array,
    groups: Labels,
    shown: Labels,
    seed: int,
    threads: int = 1,
    *,
    target_rows: int = 1,
) -> WeightedSource:
    """Weighs the source's rows by a rule, where each row of the target has weight 1.

    Args:
        rule: ``equal`` for the sum of all rows of the target; ``density`` for the same sum, divided by density ratio;
            or the weight of each photo, all of its rows together, where a photo of the target has 1.
        target: bottlenecks of the target's training rows, ``[T,D]``.
        source: bottlenecks of the source's training rows, ``[R,D]``.
        groups: rows of ``target`` with the same number show one photo or near duplicates of it, ``[T]``.
        shown: the source photo, 0 to S-1, that each row of ``source`` shows, ``[R]``; as many rows of each.
        seed: shuffles the folds of ``density``.
        threads: folds at a time.
        target_rows: the number of rows of ``target`` that each photo has.
    """
    source_rows = len(source) // (int(shown.max()) + 1)
    if rule == DENSITY:
        ratios = density_ratios(target, source, groups, shown, seed, threads)
        rows = ratios * (len(target) / ratios.sum())
    elif rule == EQUAL:
        rows = np.full(len(source), len(target) / len(source))
    else:
        rows = np.full(len(source), float(rule) * target_rows / source_rows)
    return WeightedSource(rule=rule, photos=np.bincount(shown, rows) / target_rows, rows=rows)


def density_ratios(
    target: Array, source: Array, groups: Labels, shown: Labels, seed: int, threads: int = 1
) -> NDArray[np.float64]:
    """How much likelier a row is in the target than in the source, ``[R]``, up to a constant factor.

    A penalized classifier of standardized bottlenecks tells the domains apart, each with half of the weight, and gives
    p(target | x) / p(source | x), which is the ratio of the densities (Bickel, Brückner and Scheffer, "Discriminative
    learning under covariate shift", Journal of Machine Learning Research 10, 2009, 2137-2155). In five folds, each row
    is judged by a classifier that saw neither it nor another row of its photo, with the penalty that has the smallest
    loss on all folds. Ratios more than ``CLIP`` times above or below their median are clipped.

    Args:
        target: bottlenecks of the target, ``[T,D]``.
        source: bottlenecks of the source, ``[R,D]``.
        groups: rows of ``target`` with the same number are held out together, ``[T]``.
        shown: rows of ``source`` with the same number are held out together, ``[R]``.
        seed: shuffles the folds.
        threads: folds at a time.
    """
    values = np.concatenate([target, source])
    domains = np.repeat(np.array([0, 1], np.int64), [len(target), len(source)])
    together = np.concatenate([groups, shown + groups.max() + 1])
    weights = (len(values) / 2 / np.array([len(target), len(source)]))[domains]
    parts = [(inside, outside) for inside, outside in folds(together, seed) if len(np.unique(domains[inside])) > 1]

    def held_out(fold: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> list[Array]:
        inside, outside = fold
        heads = fit_softmax(values[inside], domains[inside], weights[inside], 2, PENALTIES)
        return [head.logits(values[outside]) for head in heads]

    logits = np.zeros((len(PENALTIES), len(values), 2), np.float32)
    for (_, outside), judged in zip(parts, map_folds(held_out, parts, threads), strict=True):
        logits[:, outside] = judged
    losses = [cross_entropy(values_of, domains, weights) for values_of in logits]
    chosen = logits[int(np.argmin(losses))][len(target) :].astype(np.float64)
    logarithms = chosen[:, 0] - chosen[:, 1]
    middle, most = np.median(logarithms), np.log(CLIP)
    ratios: NDArray[np.float64] = np.exp(np.clip(logarithms - middle, -most, most))
    return ratios
