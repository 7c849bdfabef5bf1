"""Estimates how many labels of a data set are wrong, from the logits of heads that did not see the photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Labels
from graft_host.heads.temperature import softmax

Wide = NDArray[np.float64]

_LARGEST_SHARE = 0.4  # more wrong labels than this cannot be distinguished from a poor head
_TEMPERATURES = np.geomspace(0.03, 30.0, 21)
_BISECTIONS = 40


@dataclass(frozen=True, kw_only=True)
class LabelNoise:
    """Wrong labels in a data set, as far as the mistakes of heads reveal them.

    Attributes:
        share: the likeliest share of wrong labels, 0 to 0.4.
        evidence: gain in log-likelihood over a data set without wrong labels; 0 if the heads' skill explains every
            mistake.
        chances: probability of each photo that its label is wrong, ``[N]``.
        probabilities: of the classes, at the temperature that fits with these wrong labels, ``[N,K]``.
    """

    share: float
    evidence: float
    chances: Wide
    probabilities: Wide


def estimate_label_noise(logits: Wide, labels: Labels, weights: Wide) -> LabelNoise:
    """Estimates the share of wrong labels by maximum likelihood, together with a temperature.

    A label is right with probability 1 - share. Otherwise it is one of the other classes, each equally likely
    (symmetric label noise; Bootkrajang and Kabán, "Label-noise robust logistic regression", 2012). So a photo of
    label y has the likelihood (1 - share) · p_y + share · (1 - p_y) / (K - 1), where p are the probabilities of a
    head that did not see it. The temperature decides how many mistakes a head of this skill makes, and how
    confident it is of them. What remains are mistakes that it should not make.

    Args:
        logits: of heads that did not see the photo, ``[N,K]``.
        labels: the classes that the photos are in, ``[N]``.
        weights: of the photos, ``[N]``; smaller than 1 for photos that are near duplicates of others.
    """

    def fit(log_temperature: float) -> tuple[float, float]:
        """The log-likelihood and the share of wrong labels at a temperature."""
        right, wrong = _likelihoods(softmax(logits / np.exp(log_temperature)), labels)
        share = _best_share(right, wrong, weights)
        return float(weights @ np.log((1 - share) * right + share * wrong)), share

    def without_noise(log_temperature: float) -> float:
        return float(weights @ np.log(_likelihoods(softmax(logits / np.exp(log_temperature)), labels)[0]))

    best = _maximum(lambda log_temperature: fit(log_temperature)[0])
    likelihood, share = fit(best)
    evidence = max(0.0, likelihood - without_noise(_maximum(without_noise)))
    probabilities = softmax(logits / np.exp(best))
    right, wrong = _likelihoods(probabilities, labels)
    chances = share * wrong / ((1 - share) * right + share * wrong)
    return LabelNoise(share=share, evidence=evidence, chances=chances, probabilities=probabilities)


def _likelihoods(probabilities: Wide, labels: Labels) -> tuple[Wide, Wide]:
    """The likelihood of each label if it is right, and if it is wrong, ``[N]``."""
    given = np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, 1 - 1e-12)
    return given, (1 - given) / (probabilities.shape[1] - 1)


def _best_share(right: Wide, wrong: Wide, weights: Wide) -> float:
    """The share of wrong labels that maximizes a likelihood, which is concave in it, by bisection of its slope."""
    low, high = 0.0, _LARGEST_SHARE
    difference = wrong - right
    if weights @ (difference / right) <= 0:
        return 0.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if weights @ (difference / (right + middle * difference)) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _maximum(likelihood: Callable[[float], float]) -> float:
    """The logarithm of the temperature with the largest likelihood, which may have more than one maximum."""
    from scipy import optimize  # takes a third of a second

    grid = np.log(_TEMPERATURES)
    best = int(np.argmax([likelihood(place) for place in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(optimize.minimize_scalar(lambda place: -likelihood(place), bounds=bounds, method="bounded").x)
