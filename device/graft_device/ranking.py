"""Orders labels by their scores, with ``unknown`` first where no score is high enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
"""The label that comes first when the best score is below the threshold."""


class Prediction(NamedTuple):
    """A label and its score.

    Attributes:
        label: the class name, or ``unknown``.
        score: the probability, 0 to 1. For ``unknown``, 1 minus the best score.
    """

    label: str
    score: float


def rank(
    labels: Sequence[str], scores: NDArray[np.floating[Any]], top_k: int, unknown_below: float
) -> tuple[tuple[Prediction, ...], bool]:
    """Orders labels by their scores. Labels with equal scores keep the order of ``labels``.

    Args:
        labels: the K class names in the order of the output tensor.
        scores: probabilities ``[K]``, float32 or float64.
        top_k: the largest number of predictions to return; for 0 or less, none are returned.
        unknown_below: the threshold, 0 to 1. If no score reaches it, ``unknown`` comes first, with 1 minus the best
            score. With 0, nothing is unknown.

    Returns:
        The predictions, best first, and whether the photo is unknown.
    """
    count = max(top_k, 0)
    ranked = [Prediction(labels[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:count]]
    best = float(scores.max())
    unknown = best < unknown_below
    if unknown:
        ranked = [Prediction(UNKNOWN, 1 - best), *ranked][:count]
    return tuple(ranked), unknown
