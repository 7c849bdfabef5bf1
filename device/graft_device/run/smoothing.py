"""Smooths the scores from frame to frame, and detects changes of the label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graft_device.ranking import UNKNOWN

MARGIN = 0.1
"""By how much the score of a new label must lead before it replaces the old label."""


class Smoother:
    """An exponential moving average of the probabilities."""

    def __init__(self, half_life: float) -> None:
        """Creates an average without frames.

        Args:
            half_life: the number of frames after which a frame's weight is half; 0 for no smoothing.
        """
        self._keep = 0.5 ** (1 / half_life) if half_life else 0.0
        self._mean: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forgets the frames so far."""
        self._mean = None

    def add(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Adds a frame.

        Args:
            scores: probabilities ``[K]``, float32.

        Returns:
            The average ``[K]``, float64.
        """
        now = scores.astype(np.float64)
        self._mean = now if self._mean is None else self._keep * self._mean + (1 - self._keep) * now
        return self._mean


class Changes:
    """Detects real changes of the label: the new label must lead the old one by ``MARGIN``.

    For ``unknown``, the best score is compared with the threshold. To change to ``unknown``, it must fall to half of
    ``MARGIN`` below the threshold. To change back, it must rise to half of ``MARGIN`` above, or halfway to 1 if that
    is less.
    """

    def __init__(self, labels: Sequence[str], unknown_below: float) -> None:
        self._labels = tuple(labels)
        self._threshold = unknown_below
        self._held: str | None = None

    def changed(self, scores: NDArray[np.float64]) -> bool:
        """Whether the probabilities ``[K]`` change the label; the first call always does."""
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
