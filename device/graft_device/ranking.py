"""Orders labels by their scores, and decides whether a photo is unknown and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graft_device.text import printable

UNKNOWN = "unknown"
"""The answer for a photo whose best score is below the threshold. No prediction has it as its label."""

NOVEL = "novel"
"""The reason of an unknown photo that is unlike all photos that the model was trained on."""

UNCERTAIN = "uncertain"
"""The reason of an unknown photo that is between classes."""

REASONS = {NOVEL: "unlike anything it was trained on", UNCERTAIN: "no label is certain enough"}
"""The reasons for people, in the middle of a sentence."""


class Prediction(NamedTuple):
    """A label and its score.

    Attributes:
        label: the class name.
        score: the probability, 0 to 1.
    """

    label: str
    score: float


class Answer(list[Prediction]):
    """The labels of a photo with their scores, best first, and whether the photo is unknown.

    It is a list of ``Prediction``. The scores are the network's: those of all labels add up to 1, also for an unknown
    photo.

    Attributes:
        reason: None if the photo is known; else ``novel`` if it is unlike all photos that the model was trained on, or
            ``uncertain`` if no label is certain enough.
    """

    def __init__(self, predictions: Iterable[Prediction] = (), reason: str | None = None) -> None:
        """Creates an answer.

        Args:
            predictions: labels with their scores, best first.
            reason: ``novel`` or ``uncertain`` if the photo is unknown, else None.
        """
        super().__init__(predictions)
        self.reason = reason

    @property
    def unknown(self) -> bool:
        """Whether the best score is below the threshold."""
        return self.reason is not None

    @property
    def label(self) -> str:
        """``unknown`` if the photo is unknown, else the best label."""
        return UNKNOWN if self.unknown else self[0].label


def rank(
    labels: Sequence[str], scores: NDArray[np.floating[Any]], top_k: int, unknown_below: float, novel_below: float = 0.0
) -> Answer:
    """Orders labels by their scores. Labels with equal scores keep the order of ``labels``.

    Args:
        labels: the K class names in the order of the output tensor.
        scores: probabilities ``[K]``, float32 or float64.
        top_k: the largest number of predictions to return; for 0 or less, none are returned.
        unknown_below: the threshold, 0 to 1. If no score reaches it, the photo is unknown. With 0, nothing is unknown.
        novel_below: the score below which an unknown photo is novel; see ``ModelFile.novel_below``.

    Returns:
        The predictions, best first, and whether and why the photo is unknown.
    """
    order = np.argsort(-scores, kind="stable")[: max(top_k, 0)]
    best, reason = float(scores.max()), None
    if best < unknown_below:
        reason = NOVEL if best < novel_below else UNCERTAIN
    return Answer([Prediction(labels[i], float(scores[i])) for i in order], reason)


def unknown_text(nearest: Prediction) -> str:
    """The answer for an unknown photo, for people: ``unknown (nearest: daisy 20%)``; ``nearest`` has the best score."""
    return f"{UNKNOWN} (nearest: {printable(nearest.label)} {nearest.score:.0%})"


_SLACK, _HALF_A_STEP = 0.02, 1 / 512
"""How far the sum of scores may be from 1: each score is rounded to a multiple of 1/256."""


def why_implausible(scores: NDArray[np.floating[Any]]) -> str | None:
    """Why scores ``[K]`` are not probabilities; None where they are."""
    if not np.isfinite(scores).all():
        return "its scores are not numbers"
    if scores.min() < 0 or abs(float(scores.sum()) - 1) > _SLACK + len(scores) * _HALF_A_STEP:
        return f"its scores add up to {float(scores.sum()):.3f}, not to 1"
    return None
