"""Trains heads on each readout of drawn photos, and chooses among the readouts as ``graft train`` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.readouts.features import Features
from graft_host.heads.head import fit_softmax
from graft_host.heads.readouts import Judges, judge, simplest_of_the_best

_FEWEST_TESTS = 10

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One draw of photos.

    Attributes:
        accuracy: the mean of the classes' recalls on the other photos, by readout.
        chosen: with the tolerance of ``graft train``.
        smallest: the readout with the smallest loss.
        seconds: of processor that judging all readouts took.
    """

    accuracy: dict[str, float]
    chosen: str
    smallest: str
    seconds: float


def drawn(features: Features, count: int, seed: int) -> tuple[Places, Places]:
    """Draws photos to train on, near duplicates together; returns them and all other photos.

    Args:
        features: of all photos.
        count: the photos of each class.
        seed: of the draw. More photos of the same seed contain the fewer.
    """
    train: list[int] = []
    counts = np.zeros(features.labels.max() + 1, int)
    for group in np.random.default_rng(seed).permutation(np.unique(features.groups)):
        rows = np.flatnonzero(features.groups == group)
        label = features.labels[rows[0]]
        if counts[label] < count:
            train += rows.tolist()
            counts[label] += len(rows)
    return np.array(sorted(train)), np.setdiff1d(np.arange(len(features.labels)), train)


def trial(features: Features, readouts: Sequence[str], count: int, seed: int, threads: int) -> Trial | None:
    """Tries all readouts on one draw; None if a class has too few photos to test on.

    Args:
        features: of all photos.
        readouts: the simplest first.
        count: photos of each class to train on.
        seed: of the draw.
        threads: folds at a time.
    """
    train, tests = drawn(features, count, seed)
    classes = int(features.labels.max()) + 1
    if np.bincount(features.labels[tests], minlength=classes).min() < _FEWEST_TESTS:
        return None
    labels, truth = features.labels[train], features.labels[tests]
    judges = Judges(
        labels=labels, groups=features.groups[train], weights=np.ones(len(train)), classes=classes, seed=seed
    )
    start = time.process_time()
    judged = [judge(features.of(readout)[train], judges, threads) for readout in readouts]
    seconds = time.process_time() - start
    accuracy = {}
    for readout, result in zip(readouts, judged, strict=True):
        values = features.of(readout)
        (head,) = fit_softmax(values[train], labels, np.ones(len(train)), classes, (result.penalty,))
        right = head.predict(values[tests]) == truth
        accuracy[readout] = float(np.mean([right[truth == label].mean() for label in range(classes)]))
    smallest = min(range(len(judged)), key=lambda place: float(judged[place].losses.mean()))
    chosen = simplest_of_the_best(judged, judges.groups)
    return Trial(accuracy=accuracy, chosen=readouts[chosen], smallest=readouts[smallest], seconds=seconds)
