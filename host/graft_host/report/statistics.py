"""Computes the statistics of a report: reliability, and the pairs of classes that are confused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.evaluation.evaluate import Evaluation
from graft_host.heads.chance import ErrorByChance, error_by_chance
from graft_host.heads.temperature import BINS, expected_calibration_error, score_bins


@dataclass(frozen=True)
class Reliability:
    """Photos in B bins of equal width by the score of the predicted class.

    Attributes:
        counts: number of photos in each bin, ``[B]``.
        hits: number of photos in each bin that are classified correctly, ``[B]``.
        confidence: mean top score in each bin, 0 in empty bins, ``[B]``.
        error: the expected calibration error, 0 to 1.
        by_chance: the error that a perfectly calibrated model with the same scores would show.
    """

    counts: NDArray[np.int64]
    hits: NDArray[np.int64]
    confidence: NDArray[np.float64]
    error: float
    by_chance: ErrorByChance


def reliability(scores: NDArray[np.float32], truth: NDArray[np.int64]) -> Reliability:
    """Sorts photos into the bins of the calibration error: bin b is from b/B up to (b+1)/B, and the last includes 1.

    Args:
        scores: probabilities, ``[N,K]``.
        truth: index of each photo's class, ``[N]``.
    """
    top = scores.max(axis=1).astype(np.float64)
    right = scores.argmax(axis=1) == truth
    place = score_bins(top)
    counts = np.bincount(place, minlength=BINS)
    hits = np.bincount(place[right], minlength=BINS)
    sums = np.bincount(place, weights=top, minlength=BINS)
    confidence = sums / np.maximum(counts, 1)
    return Reliability(counts, hits, confidence, expected_calibration_error(scores, truth), error_by_chance(scores))


def confused_pairs(confusion: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Returns (true class, predicted class, photos) for each mistake in counts ``[K,K]``, the most frequent first."""
    pairs = [(int(i), int(j), int(confusion[i, j])) for i, j in np.argwhere(confusion) if i != j]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def worst_mistakes(evaluation: Evaluation) -> list[int]:
    """Returns the indexes of the photos that are classified wrongly, the most confident first."""
    return _by_top_score(evaluation, evaluation.predicted != evaluation.truth, sign=-1)


def least_confident(evaluation: Evaluation) -> list[int]:
    """Returns the indexes of the photos that are classified correctly, the least confident first."""
    return _by_top_score(evaluation, evaluation.predicted == evaluation.truth, sign=1)


def _by_top_score(evaluation: Evaluation, chosen: NDArray[np.bool_], sign: int) -> list[int]:
    indexes = np.flatnonzero(chosen)
    order = np.argsort(sign * evaluation.scores.max(axis=1)[indexes], kind="stable")
    return [int(index) for index in indexes[order]]
