"""Steadies what a model says from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graft_device.ranking import UNKNOWN

MARGIN = 0.1
"""By how much a new label must lead before it takes over."""


class Smoother:
    """An exponential moving average of the probabilities."""

    def __init__(self, half_life: float) -> None:
        """``half_life``: after how many frames a frame counts half; 0 for no smoothing."""
        self._keep = 0.5 ** (1 / half_life) if half_life else 0.0
        self._mean: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forgets the frames so far."""
        self._mean = None

    def add(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """The average with one more frame.

        Args:
            scores: probabilities ``[K]``.
        """
        now = scores.astype(np.float64)
        self._mean = now if self._mean is None else self._keep * self._mean + (1 - self._keep) * now
        return self._mean


class Changes:
    """Tells when the label has really changed: a new one must lead the old one by ``MARGIN``.

    Against ``unknown``, the threshold plays the other label: from a class to ``unknown`` its best score must fall to
    half of ``MARGIN`` below the threshold, and back it must rise as far above, or half of the way to 1 if that is less.
    """

    def __init__(self, labels: Sequence[str], unknown_below: float) -> None:
        self._labels = tuple(labels)
        self._threshold = unknown_below
        self._held: str | None = None

    def changed(self, scores: NDArray[np.float64]) -> bool:
        """Whether the label is another one than last time, from probabilities ``[K]``."""
        best = int(np.argmax(scores))
        top = float(scores[best])
        label = UNKNOWN if top < self._threshold else self._labels[best]
        if label == self._held or not (self._held is None or self._leads(label, top, scores)):
            return False
        self._held = label
        return True

    def reset(self) -> None:
        """Forgets the label."""
        self._held = None

    def _leads(self, label: str, top: float, scores: NDArray[np.float64]) -> bool:
        if label == UNKNOWN:
            return top <= self._threshold - MARGIN / 2
        if self._held == UNKNOWN:
            return top >= self._threshold + min(MARGIN / 2, (1 - self._threshold) / 2)
        return top - float(scores[self._labels.index(self._held or "")]) >= MARGIN
