"""Finds photos that are probably in the wrong class.

The predictions come from heads that never saw the photos. Only mistakes that the skill of these heads does not explain
are listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Fold, Labels, fit_softmax, folds, photo_weights
from graft_host.heads.label_noise import LabelNoise, estimate_label_noise
from graft_host.heads.map_folds import map_folds
from graft_host.photos.findings import Mislabel

FEWEST_PHOTOS = 5
"""Different photos that a class needs before it is searched for mislabels: one for each fold."""

_LEAST_SKILL = 0.4
"""Balanced accuracy that the heads need, where 0 is chance and 1 perfect. Random weights had 0.2 on cats and dogs."""

_EVIDENCE = 1.353
"""Gain in log-likelihood that one data set in 20 without wrong labels exceeds: half the 90% quantile of chi-squared
with one degree of freedom (Self and Liang 1987), because the share of wrong labels cannot be negative."""

_SHORT = 3
_SHORT_EVIDENCE = 0.662
"""Gain that is enough for a list of at most three photos, which costs no more than a look: one data set without wrong
labels in eight exceeds it."""

_LEAST_CHANCE = 0.5
"""A photo is listed if it is more likely in the wrong class than in the right one."""

_PENALTY = 0.003
"""C of the heads. The temperature makes up for how cautious it makes them. On real and rendered photos with 1 to 5% of
the labels wrong, no choice by loss did better; with C = 0.03 and more, heads learn the wrong labels by heart."""

_FEW = 4000
"""Photos up to which the folds are drawn twice. The mean of two heads that saw different photos errs less."""


@dataclass(frozen=True)
class MislabelSearch:
    """The result of a search for photos in the wrong class.

    Attributes:
        mislabels: the photos that are probably in the wrong class, the clearest first.
        accuracy: share of the photos whose class a head named that did not see them; None if no head was trained.
        note: why the search was not made; empty if it was.
        left_out: number of photos that were not searched because the backbone was fitted to them.
        estimate: number of photos in the wrong class, as far as the mistakes of the heads reveal it; 0 if their skill
            explains all of their mistakes, None if the search was not made.
    """

    mislabels: tuple[Mislabel, ...] = ()
    accuracy: float | None = None
    note: str = ""
    left_out: int = 0
    estimate: float | None = None


def search_mislabels(
    bottlenecks: Array,
    labels: Labels,
    places: Sequence[str],
    classes: int,
    seed: int,
    threads: int = 1,
    *,
    fitted: NDArray[np.bool_] | None = None,
) -> MislabelSearch:
    """Searches for photos that are in the wrong class.

    Classes of fewer than five different photos are left out. No photo is named if heads that did not see the photos
    hardly recognize their classes, because most of what such heads take for a mislabel is none.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        places: ``[N]``, equal for copies and near duplicates, such as ``Photo.place``.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.
        fitted: the photos that the backbone was fitted to, ``[N]``; None for a frozen backbone. They are left out: a
            backbone that was shown the wrong class gives a bottleneck of that class.
    """
    fitted = np.zeros(len(labels), bool) if fitted is None else fitted
    held_out = MislabelSearch(left_out=int(fitted.sum()))
    different = Counter(label for label, _ in {(int(labels[row]), places[row]) for row in np.flatnonzero(~fitted)})
    large = [label for label in range(classes) if different[label] >= FEWEST_PHOTOS]
    if len(large) < 2:  # noqa: PLR2004  classes to distinguish
        unseen = " that the backbone was not fitted to" if held_out.left_out else ""
        return replace(held_out, note=f"this needs two classes of at least {FEWEST_PHOTOS} different photos{unseen}")
    rows = np.flatnonzero(np.isin(labels, large) & ~fitted)
    chosen = np.searchsorted(large, labels[rows])
    groups = np.unique([places[row] for row in rows], return_inverse=True)[1].astype(np.int64)
    logits = held_out_logits(bottlenecks[rows], chosen, groups, len(large), seed, threads)
    known = ~np.isnan(logits).any(axis=1)
    rows, chosen, groups, logits = rows[known], chosen[known], groups[known], logits[known]
    right = logits.argmax(axis=1) == chosen
    accuracy = float(right.mean())
    balanced = float(np.mean([right[chosen == label].mean() for label in np.unique(chosen)]))
    chance = 1 / len(large)
    if (balanced - chance) / (1 - chance) < _LEAST_SKILL:
        note = f"heads that did not see a photo name its class for only {accuracy:.0%} of them, too few to judge"
        return replace(held_out, accuracy=accuracy, note=note)
    weights = 1 / np.bincount(groups)[groups]
    noise = estimate_label_noise(logits, chosen, weights)
    likely = likely_mislabels(noise, chosen, weights)
    if noise.evidence < (_SHORT_EVIDENCE if len(likely) <= _SHORT else _EVIDENCE):
        return replace(held_out, accuracy=accuracy, estimate=0.0)
    mislabels = tuple(
        replace(mislabel, index=int(rows[mislabel.index]), suggested=large[mislabel.suggested]) for mislabel in likely
    )
    return replace(held_out, mislabels=mislabels, accuracy=accuracy, estimate=noise.share * len(rows))


def likely_mislabels(noise: LabelNoise, labels: Labels, weights: NDArray[np.float64]) -> tuple[Mislabel, ...]:
    """Lists the photos that are more likely in the wrong class than in the right one, the likeliest first.

    Args:
        noise: the estimate for these photos.
        labels: the classes that the photos are in, ``[N]``.
        weights: of the photos, ``[N]``, such that near duplicates count as one. The list is not longer than the
            estimated number of wrong labels, both counted in these weights.
    """
    order = np.argsort(-noise.chances, kind="stable")
    budget = round(noise.share * float(weights.sum()))
    listed = (noise.chances[order] >= _LEAST_CHANCE) & (np.cumsum(weights[order]) <= budget + 1e-9)
    mislabels = []
    for row in order[listed]:
        probabilities, label = noise.probabilities[row], labels[row]
        others = probabilities.copy()
        others[label] = -1
        best = int(np.argmax(others))
        probability = float(probabilities[best])
        mislabels.append(
            Mislabel(int(row), best, probability, probability - float(probabilities[label]), float(noise.chances[row]))
        )
    return tuple(mislabels)


def held_out_logits(
    bottlenecks: Array, labels: Labels, groups: Labels, classes: int, seed: int, threads: int = 1
) -> NDArray[np.float64]:
    """Computes by five folds the logits of heads for photos that they were not trained on.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        groups: copies and near duplicates have the same number, ``[N]``, and are held out together.
        classes: K.
        seed: shuffles the folds.
        threads: folds at a time.

    Returns:
        Logits ``[N,K]``; NaN for photos without at least two classes of others to train on.
    """
    weights = photo_weights(labels, classes, balanced=True)

    def draw(seed: int) -> NDArray[np.float64]:
        logits = np.full((len(labels), classes), np.nan)

        def predict(fold: Fold) -> None:
            inside, outside = fold
            if len(np.unique(labels[inside])) > 1:
                head = fit_softmax(bottlenecks[inside], labels[inside], weights[inside], classes, (_PENALTY,))[0]
                logits[outside] = head.logits(bottlenecks[outside])

        map_folds(predict, folds(groups, seed), threads)
        return logits

    return draw(seed) if len(labels) > _FEW else (draw(seed) + draw(seed + 1)) / 2
