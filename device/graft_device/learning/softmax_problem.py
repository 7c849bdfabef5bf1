"""The penalized loss of softmax regression, in coordinates in which an optimizer needs few steps.

The workstation minimizes it with SciPy, and a board with ``minimizing``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]

_NEGLIGIBLE = 1e-9  # share of the largest variance below which a direction is rounding noise
FLOOR = 0.1
"""The share of the mean variance that is added to the variance of each number.

Many numbers of a bottleneck are nearly always 0, a fifth to a half of those of EfficientNet-Lite. Divided by their own
deviation alone, the little that they are weighs as much as all that others have to say. 0.03 and 0.3 were measured too:
``docs/explanation/figures.md``.
"""
_BLOCK = 1024  # photos held in float64 at a time: 100,000 at once would take gigabytes


@dataclass(frozen=True)
class Principal:
    """Photos in the principal directions of their standardized bottlenecks.

    Attributes:
        coordinates: float32 ``[N,R]``, stored column by column, so that both products with it are fast.
        variances: of the coordinates, ``[R]``.
        mixture: the orthonormal directions ``[D,R]``; with ``scaled``, the directions are ``scaled.T @ mixture``.
        scaled: the standardized bottlenecks ``[N,D]`` if N is less than D, else None.
    """

    coordinates: NDArray[np.float32]
    variances: Wide
    mixture: Wide
    scaled: NDArray[np.float32] | None

    def unfolded(self, kernel: Wide) -> Wide:
        """Turns a kernel ``[R,K]`` on coordinates into the kernel ``[D,K]`` on standardized bottlenecks."""
        mixed: Wide = self.mixture @ kernel
        if self.scaled is None:
            return mixed
        # In this order: multiplying out the directions first takes as long as finding them.
        unfolded: Wide = self.scaled.T @ mixed
        return unfolded


@dataclass(frozen=True)
class Problem:
    """The penalized loss.

    Attributes:
        data: the photos.
        labels: their classes, ``[N]``.
        share: the photos' weights ``[N]``, which sum to 1.
        classes: K.
        strength: the weight of the penalty.
    """

    data: Principal
    labels: NDArray[np.int64]
    share: Wide
    classes: int
    strength: float

    @property
    def stretch(self) -> Wide:
        """The root of the Hessian's diagonal, ``[R,1]``, if every class had probability 1/K.

        Principal directions make the Hessian nearly diagonal. In this unit it is nearly the identity, so L-BFGS needs
        a tenth of the steps.
        """
        curvature = (self.classes - 1) / self.classes**2
        stretch: Wide = np.sqrt(curvature * self.data.variances + self.strength)[:, np.newaxis]
        return stretch

    def loss(self, packed: Wide) -> tuple[float, Wide]:
        """Loss and gradient at stretched kernel and bias."""
        stretch = self.stretch
        stretched, bias = unpacked(packed, self.classes)
        kernel = stretched / stretch
        logits = (self.data.coordinates @ kernel.astype(np.float32)).astype(np.float64) + bias
        logits -= logits.max(axis=1, keepdims=True)
        rows = np.arange(len(self.labels))
        log_sum = np.log(np.exp(logits).sum(axis=1))
        loss = self.share @ (log_sum - logits[rows, self.labels]) + self.strength / 2 * np.sum(kernel**2)
        residual = np.exp(logits - log_sum[:, np.newaxis])
        residual[rows, self.labels] -= 1
        residual *= self.share[:, np.newaxis]
        slope = self.data.coordinates.T @ residual.astype(np.float32) + self.strength * kernel
        return float(loss), np.concatenate([(slope / stretch).ravel(), residual.sum(axis=0)])


def standardized(bottlenecks: NDArray[np.float32]) -> tuple[NDArray[np.float32], Wide, Wide]:
    """Subtracts the mean and divides by the deviation.

    Returns:
        The result ``[N,D]``, the mean ``[D]``, and what the result was divided by, ``[D]``.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(bottlenecks), _BLOCK)]
    mean: Wide = bottlenecks.mean(axis=0, dtype=np.float64)
    squares = sum((np.square(bottlenecks[rows] - mean).sum(axis=0) for rows in blocks), np.zeros(len(mean)))
    variance: Wide = squares / len(bottlenecks)
    deviation: Wide = np.sqrt(variance + FLOOR * variance.mean())
    # A number that never changes carries no information, and neither does rounding noise.
    deviation[np.sqrt(variance) < 1e-6 * (np.abs(mean) + 1e-12)] = np.inf
    scaled = np.empty(bottlenecks.shape, np.float32)
    for rows in blocks:
        scaled[rows] = (bottlenecks[rows] - mean) / deviation
    return scaled, mean, deviation


def principal(scaled: NDArray[np.float32]) -> Principal:
    """Rotates standardized bottlenecks ``[N,D]`` into the R ≤ min(N, D) directions in which they vary.

    A kernel outside their span changes no logit and only adds to the penalty, so nothing is lost. The basis is
    orthonormal, so the penalty stays the same.
    """
    photos, length = scaled.shape
    few = photos < length
    squares, vectors = np.linalg.eigh(((scaled @ scaled.T) if few else (scaled.T @ scaled)).astype(np.float64))
    kept = squares > _NEGLIGIBLE * max(float(squares[-1]), 1e-30)
    squares, vectors = squares[kept], vectors[:, kept]
    # The transposed product is stored column by column already, which saves a copy.
    coordinates = vectors * np.sqrt(squares) if few else (vectors.astype(np.float32).T @ scaled.T).T
    mixture = vectors / np.sqrt(squares) if few else vectors
    return Principal(np.asfortranarray(coordinates, np.float32), squares / photos, mixture, scaled if few else None)


def unpacked(packed: Wide, classes: int) -> tuple[Wide, Wide]:
    """Kernel ``[R,K]`` and bias ``[K]`` of numbers side by side."""
    return packed[:-classes].reshape(-1, classes), packed[-classes:]
