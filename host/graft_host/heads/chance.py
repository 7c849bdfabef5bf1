"""The calibration error that chance alone gives, which does not become 0 with few photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.temperature import score_bins

_DRAWS = 1000
_LEAST_DRAWS = 100
_WORK = 20_000_000  # photos times draws
_SEED = 0


@dataclass(frozen=True)
class ErrorByChance:
    """The expected calibration error of a perfectly calibrated model with the same scores.

    Attributes:
        mean: over many draws of which photos are right.
        low: 2.5% of the draws are smaller.
        high: 2.5% of the draws are larger.
    """

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The figures as JSON outputs and model cards have them."""
        return {"mean": self.mean, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        """The figures as the terminal shows them."""
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def error_by_chance(scores: NDArray[np.floating[Any]]) -> ErrorByChance:
    """Draws from a model's scores which photos are right, and computes the calibration error each time.

    A score of 80% is then right with a probability of 80%, so that all of the error is due to chance (consistency
    resampling; Bröcker and Smith, "Increasing the reliability of reliability diagrams", 2007).

    Args:
        scores: probabilities ``[N,K]``. Without photos every figure is 0.
    """
    if not len(scores):
        return ErrorByChance(0.0, 0.0, 0.0)
    best = scores.max(axis=1).astype(np.float64)
    bins = score_bins(best)
    rng = np.random.default_rng(_SEED)
    draws = int(np.clip(_WORK // len(best), _LEAST_DRAWS, _DRAWS))
    errors = np.empty(draws)
    for draw in range(draws):
        right = rng.random(len(best)) < best
        errors[draw] = np.abs(np.bincount(bins, right - best)).sum() / len(best)
    low, high = np.quantile(errors, [0.025, 0.975])
    return ErrorByChance(float(errors.mean()), float(low), float(high))
