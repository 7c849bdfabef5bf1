"""Temperature scaling: divides logits by one number, so that a score of 90% is right nine times in ten."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Labels, folds

BINS = 15
"""Bins of the expected calibration error, as in Guo et al. 2017."""

_RANGE = (0.05, 50.0)
_ROUNDS = 4  # each search starts where the one before ended at a bound
_NEAR = 1e-3  # of the logarithm: the search stops slightly before a bound that it is drawn to
_PRIOR = 0.5  # standard deviation of the logarithm of the temperature

HOTTEST = (1 - _ROUNDS * _NEAR) * _RANGE[1] ** _ROUNDS
"""From here on a value is no temperature, only the place where the search ended."""


def best_temperature(logits: NDArray[np.float64], labels: Labels) -> float:
    """Finds the divisor of the logits that minimizes the cross-entropy (Guo et al. 2017).

    A prior keeps it near 1 unless the photos are evidence against that: if the head makes no mistake, cross-entropy
    alone would make the scores as extreme as possible. If the best value is beyond the range of one search, another
    search starts from its bound, because plain gradient descent produces logits of any size.
    """
    total = 1.0
    for _ in range(_ROUNDS):
        temperature = _within_range(logits / total, labels)
        at_bound = min(abs(np.log(temperature / bound)) for bound in _RANGE) < _NEAR
        total *= temperature
        if not at_bound:
            break
    return total


def helpful_temperature(logits: NDArray[np.float64], labels: Labels, groups: Labels, seed: int) -> float:
    """Returns the best temperature if it helps on photos that it was not chosen on, otherwise 1.

    In five folds, the temperature that is best for the other photos must give the held-out ones a smaller
    cross-entropy than 1 does, summed over all folds.

    Args:
        logits: of photos that the head was not trained on, ``[N,K]``.
        labels: the true classes, ``[N]``.
        groups: near duplicates have the same number, ``[N]``, and are held out together.
        seed: shuffles the folds.
    """
    if not len(labels):
        return 1.0
    gain = 0.0
    for inside, outside in folds(groups, seed):
        temperature = best_temperature(logits[inside], labels[inside])
        gain += _loss(logits[outside], labels[outside]) - _loss(logits[outside] / temperature, labels[outside])
    return best_temperature(logits, labels) if gain > 0 else 1.0


def _loss(logits: NDArray[np.float64], labels: Labels) -> float:
    return float(log_losses(logits, labels).sum())


def _within_range(logits: NDArray[np.float64], labels: Labels) -> float:
    from scipy import optimize  # takes a third of a second; not needed if the head was kept

    def loss(log_temperature: float) -> float:
        return _loss(logits / np.exp(log_temperature), labels) + float(0.5 * (log_temperature / _PRIOR) ** 2)

    minimum = optimize.minimize_scalar(loss, bounds=np.log(_RANGE), method="bounded")
    return float(np.exp(minimum.x))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities ``[N,K]``."""
    probabilities: NDArray[np.float64] = np.exp(log_softmax(logits))
    return probabilities


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithms of the probabilities ``[…,K]``."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def log_losses(logits: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """-log of the probability of each photo's true class, ``[…,N]``.

    Args:
        logits: ``[…,N,K]``.
        labels: the true classes, ``[N]``.
    """
    losses: NDArray[np.float64] = -log_softmax(logits)[..., np.arange(len(labels)), labels]
    return losses


def expected_calibration_error(scores: NDArray[np.floating[Any]], labels: Labels) -> float:
    """Measures how far scores are from the share of photos that are right, from 0 (best) to 1.

    Photos are sorted by their best score into 15 bins of equal width. The error is the mean over bins of the gap
    between mean score and accuracy, weighted by photos (Guo et al. 2017).

    Args:
        scores: probabilities ``[N,K]``.
        labels: the true classes ``[N]``.
    """
    best = scores.max(axis=1).astype(np.float64)
    right = scores.argmax(axis=1) == labels
    gaps = np.bincount(score_bins(best), right - best)
    return float(np.abs(gaps).sum() / max(len(labels), 1))


def score_bins(best: NDArray[np.float64]) -> Labels:
    """The bin of each score ``[N]``: bin b is from b/15 up to (b+1)/15, and the last includes 1."""
    bins: Labels = np.clip((best * BINS).astype(np.int64), 0, BINS - 1)
    return bins
