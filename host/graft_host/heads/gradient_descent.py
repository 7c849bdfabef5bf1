"""Trains a head as the retraining scripts of 2015 did: plain gradient descent on raw bottlenecks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import GraftError
from graft_host.heads.recipe import Descent

_INITIAL_DEVIATION = 0.001


def gradient_descent(
    bottlenecks: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    classes: int,
    descent: Descent,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Minimizes the weighted cross-entropy without a penalty.

    The initial kernel is normal with a small deviation; batches are drawn with replacement.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        weights: each photo's weight in the loss, ``[N]``.
        classes: K.
        descent: step size, number of steps, batch size and seed.

    Returns:
        Kernel ``[D,K]`` and bias ``[K]``.

    Raises:
        GraftError: the kernel or the bias is no longer finite.
    """
    rng = np.random.default_rng(descent.seed)
    kernel = rng.normal(0, _INITIAL_DEVIATION, (bottlenecks.shape[1], classes)).astype(np.float32)
    bias = np.zeros(classes, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported below
        for _ in range(descent.steps):
            chosen = rng.integers(len(labels), size=descent.batch)
            residual = _softmax(bottlenecks[chosen] @ kernel + bias)
            residual[np.arange(descent.batch), labels[chosen]] -= 1
            residual *= (weights[chosen] / descent.batch).astype(np.float32)[:, np.newaxis]
            kernel -= descent.learning_rate * (bottlenecks[chosen].T @ residual)
            bias -= descent.learning_rate * residual.sum(axis=0)
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise diverged(descent)
    return kernel, bias


def diverged(descent: Descent) -> GraftError:
    """The error for a head that shows that the steps were too large."""
    return GraftError(
        f"gradient descent diverged at learning rate {descent.learning_rate:g}",
        "give a smaller --learning-rate, or use --optimizer lbfgs",
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    normalized: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return normalized
