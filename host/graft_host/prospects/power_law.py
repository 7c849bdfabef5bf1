"""Fits an inverse power law to the mistakes of heads that were trained on parts of the photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]

_EXPONENTS = np.linspace(0.1, 1.0, 10)
_USUAL_EXPONENT = 0.5  # the rate at which what is estimated from independent photos converges
_PRIOR = 1e-3  # weight of the squared difference from it, small beside that of mistakes of a few percent


@dataclass(frozen=True)
class PowerLaw:
    """The share of mistakes of a head that is trained on a part f of the photos: floor + height · f^-exponent.

    Source of the form: C. Cortes, L. Jackel, S. Solla, V. Vapnik and J. Denker, "Learning curves: asymptotic values
    and rate of convergence", NIPS 6 (1993).
    """

    floor: float
    height: float
    exponent: float

    def mistakes(self, fraction: float) -> float:
        """The share of mistakes with a part of the photos, which may be more than all."""
        return min(self.floor + self.height * float(fraction**-self.exponent), 1.0)


def fit_power_law(fractions: Wide, mistakes: Wide) -> PowerLaw:
    """Fits floor and height, none below 0, for each of ten exponents, and takes the exponent that fits best.

    Larger parts weigh more, because the law is wanted beyond them.

    Args:
        fractions: the parts of the photos, ``[F]``.
        mistakes: the share of mistakes with each, ``[F]``.
    """
    from scipy.optimize import nnls  # takes a third of a second

    weights = np.sqrt(fractions)
    best = np.inf, PowerLaw(0.0, 0.0, _USUAL_EXPONENT)
    for exponent in _EXPONENTS.tolist():
        terms = np.stack([np.ones(len(fractions)), fractions**-exponent], axis=1)
        (floor, height), rest = nnls(terms * weights[:, np.newaxis], mistakes * weights)
        cost = float(rest) ** 2 + _PRIOR * (exponent - _USUAL_EXPONENT) ** 2
        if cost < best[0]:
            best = cost, PowerLaw(float(floor), float(height), exponent)
    return best[1]
