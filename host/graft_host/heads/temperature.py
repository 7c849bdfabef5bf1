"""The temperature: what logits are divided by so that scores are as sure as they may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Labels = NDArray[np.int64]

_RANGE = (0.05, 50.0)
_ROUNDS = 4  # of the search, each from where the one before ended at a bound
_NEAR = 1e-3  # of the logarithm: the search ends a little before a bound that it is drawn to
_PRIOR = 0.5  # standard deviation of the logarithm of the temperature

HOTTEST = (1 - _ROUNDS * _NEAR) * _RANGE[1] ** _ROUNDS
"""What is so high is no temperature, but where the search ended."""


def best_temperature(logits: NDArray[np.float64], labels: Labels) -> float:
    """The divisor of the logits with the smallest cross-entropy (Guo et al. 2017).

    A prior keeps it near 1 as long as the photos don't say otherwise: where none is mistaken, cross-entropy alone
    would make the scores as extreme as can be. Where they do, beyond what can be searched at once, the search goes on
    from its bound: plain gradient descent makes logits of any size.
    """
    total = 1.0
    for _ in range(_ROUNDS):
        temperature = _within_range(logits / total, labels)
        at_bound = min(abs(np.log(temperature / bound)) for bound in _RANGE) < _NEAR
        total *= temperature
        if not at_bound:
            break
    return total


def _within_range(logits: NDArray[np.float64], labels: Labels) -> float:
    def loss(log_temperature: float) -> float:
        losses = -log_softmax(logits / np.exp(log_temperature))[np.arange(len(labels)), labels]
        return float(np.sum(losses) + 0.5 * (log_temperature / _PRIOR) ** 2)

    found = optimize.minimize_scalar(loss, bounds=np.log(_RANGE), method="bounded")
    return float(np.exp(found.x))


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithms of the probabilities ``[N,K]``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
