"""Softmax regression for a sequence of penalties, by L-BFGS in coordinates in which it needs few steps."""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.softmax_problem import FLOOR, Principal, Problem, Wide, principal, standardized, unpacked

__all__ = ["FLOOR", "load_ahead", "rotated", "solve", "solve_rotated"]

_MAX_ITERATIONS = 1000
_GRADIENT_TOLERANCE = 1e-5
_LOSS_TOLERANCE = 1e-9


@functools.cache
def load_ahead() -> None:
    """Imports SciPy's optimizer in a thread, once, while this thread does something else on one core."""

    def load() -> None:
        with contextlib.suppress(ImportError):  # raised again where it is needed
            importlib.import_module("scipy.optimize")

    threading.Thread(target=load, name="load-ahead").start()


def solve(
    bottlenecks: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: Wide,
    classes: int,
    penalties: Sequence[float],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Trains kernel and bias for each penalty, starting from those of the penalty before.

    Minimizes sum_i w_i · cross-entropy_i + |W|² / (2C) over standardized bottlenecks with a free bias, and folds the
    standardization into kernel and bias. A number is divided by the square root of its variance and a tenth of the mean
    variance of all numbers. C means what it means to scikit-learn's ``LogisticRegression``, which trains
    a single vector w for two classes: W then holds w/2 and -w/2, half the square, so |W|² counts twice.

    Args:
        bottlenecks: ``[N,D]``.
        labels: ``[N]``.
        weights: of the photos in the loss, ``[N]``.
        classes: K.
        penalties: the values of C.

    Returns:
        Kernels ``[D,K]`` and biases ``[K]`` on raw bottlenecks.
    """
    scaled, mean, deviation = standardized(bottlenecks)
    data = principal(scaled)
    del scaled  # frees its memory unless ``data`` needs it
    solutions = []
    for kernel, bias in _solutions(data, labels, weights, classes, penalties):
        folded = data.unfolded(kernel) / deviation[:, np.newaxis]
        solutions.append((folded.astype(np.float32), (bias - mean @ folded).astype(np.float32)))
    return solutions


def rotated(bottlenecks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardizes photos and rotates them into the directions in which they vary.

    A head on these numbers with the same penalty has the same logits, and takes a fraction of the time to train if
    the photos are fewer than the numbers of a bottleneck.

    Args:
        bottlenecks: ``[N,D]``.

    Returns:
        The coordinates ``[N,R]``, R at most the smaller of N and D.
    """
    return principal(standardized(bottlenecks)[0]).coordinates


def solve_rotated(
    coordinates: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: Wide,
    classes: int,
    penalties: Sequence[float],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Trains kernel and bias for each penalty as ``solve`` does, on some of the photos that were rotated together.

    Args:
        coordinates: rows of what ``rotated`` returned, ``[N,R]``.
        labels: ``[N]``.
        weights: of the photos in the loss, ``[N]``.
        classes: K.
        penalties: the values of C.

    Returns:
        Kernels ``[R,K]`` and biases ``[K]`` on coordinates.
    """
    mean = coordinates.mean(axis=0, dtype=np.float64)
    data = principal((coordinates - mean).astype(np.float32))
    solutions = []
    for kernel, bias in _solutions(data, labels, weights, classes, penalties):
        unfolded = data.unfolded(kernel)
        solutions.append((unfolded.astype(np.float32), (bias - mean @ unfolded).astype(np.float32)))
    return solutions


def _solutions(
    data: Principal, labels: NDArray[np.int64], weights: Wide, classes: int, penalties: Sequence[float]
) -> Iterator[tuple[Wide, Wide]]:
    """Kernel ``[R,K]`` and bias ``[K]`` on principal directions for each penalty."""
    total = weights.sum()
    kernel, bias = np.zeros((len(data.variances), classes)), np.zeros(classes)
    for penalty in penalties:
        strength = (2 if classes == 2 else 1) / (penalty * total)  # noqa: PLR2004
        problem = Problem(data=data, labels=labels, share=weights / total, classes=classes, strength=strength)
        kernel, bias = _minimized(problem, kernel, bias)
        yield kernel, bias


def _minimized(problem: Problem, kernel: Wide, bias: Wide) -> tuple[Wide, Wide]:
    from scipy.optimize import minimize  # takes a third of a second

    start = np.concatenate([(kernel * problem.stretch).ravel(), bias])
    options = {"maxiter": _MAX_ITERATIONS, "gtol": _GRADIENT_TOLERANCE, "ftol": _LOSS_TOLERANCE}
    minimum = minimize(problem.loss, start, jac=True, method="L-BFGS-B", options=options)
    stretched, bias = unpacked(np.asarray(minimum.x, np.float64), problem.classes)
    return stretched / problem.stretch, bias
