"""Softmax regression with numpy alone: the problem is the workstation's, and the optimizer is L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.remembered import Array, Labels
from graft_device.learning.softmax_problem import Principal, Problem, Wide, principal, standardized, unpacked

_MOST_STEPS, _HISTORY, _MOST_HALVINGS = 300, 10, 30
_GRADIENT_TOLERANCE, _LOSS_TOLERANCE = 1e-5, 1e-9
_DECREASE = 1e-4  # the share of the expected decrease that a step must reach (Armijo)


@dataclass(frozen=True)
class Rotated:
    """Photos in the directions in which they vary, found once for all heads that are trained on some of them.

    Attributes:
        data: the photos, and the way back.
        mean: of each number of a bottleneck, ``[D]``.
        deviation: what each number was divided by, ``[D]``.
    """

    data: Principal
    mean: Wide
    deviation: Wide

    def fit(self, rows: NDArray[np.bool_], labels: Labels, weights: Wide, classes: int, penalty: float) -> Wide:
        """Trains a head on some of the photos.

        Args:
            rows: the photos to train on, ``[N]``.
            labels: the class of each photo, ``[N]``.
            weights: what each photo counts in the loss, ``[N]``.
            classes: K.
            penalty: C, as scikit-learn's ``LogisticRegression`` has it.

        Returns:
            Kernel and bias on coordinates, ``[R+1,K]``; the bias is the last row.
        """
        total = float(weights[rows].sum())
        coordinates = np.asfortranarray(self.data.coordinates[rows])
        data = Principal(coordinates, self.data.variances, self.data.mixture, self.data.scaled)
        strength = (2 if classes == 2 else 1) / (penalty * total)  # noqa: PLR2004  see graft_host's ``solve``
        problem = Problem(data, labels[rows], weights[rows] / total, classes, strength)
        packed = minimized(problem.loss, np.zeros((len(self.data.variances) + 1) * classes))
        stretched, bias = unpacked(packed, classes)
        return np.concatenate([stretched / problem.stretch, bias[np.newaxis]])

    def logits(self, head: Wide) -> Wide:
        """The logits ``[N,K]`` of all photos by a head on coordinates."""
        logits: Wide = self.data.coordinates @ head[:-1] + head[-1]
        return logits

    def unfolded(self, head: Wide) -> tuple[Wide, Wide]:
        """The kernel ``[D,K]`` and the bias ``[K]`` on raw bottlenecks of a head on coordinates."""
        kernel = self.data.unfolded(head[:-1]) / self.deviation[:, np.newaxis]
        return kernel, head[-1] - self.mean @ kernel


def rotate(bottlenecks: Array) -> Rotated:
    """Standardizes bottlenecks ``[N,D]``, and rotates them into the directions in which they vary."""
    scaled, mean, deviation = standardized(bottlenecks)
    return Rotated(principal(scaled), mean, deviation)


def minimized(loss: Callable[[Wide], tuple[float, Wide]], start: Wide) -> Wide:
    """Finds the minimum of a smooth convex function by L-BFGS (Nocedal & Wright 2006, algorithms 7.4 and 3.1).

    Args:
        loss: returns value and gradient at a place.
        start: the first place.
    """
    place, (value, slope) = start, loss(start)
    history: list[tuple[Wide, Wide]] = []
    for _ in range(_MOST_STEPS):
        if np.abs(slope).max() <= _GRADIENT_TOLERANCE:
            break
        direction = -_preconditioned(slope, history)
        expected, step = float(slope @ direction), 1.0
        for _ in range(_MOST_HALVINGS):
            candidate = place + step * direction
            new_value, new_slope = loss(candidate)
            if new_value <= value + _DECREASE * step * expected:
                break
            step /= 2
        else:  # float32 products are too coarse to go on
            break
        moved, turned = candidate - place, new_slope - slope
        if moved @ turned > 1e-12 * (turned @ turned):
            history = [*history[1 - _HISTORY :], (moved, turned)]
        gain, place, value, slope = value - new_value, candidate, new_value, new_slope
        if gain <= _LOSS_TOLERANCE * max(abs(value), 1.0):
            break
    return place


def _preconditioned(slope: Wide, history: list[tuple[Wide, Wide]]) -> Wide:
    """The gradient times the approximate inverse of the Hessian."""
    result, shares = slope.copy(), []
    for moved, turned in reversed(history):
        share = (moved @ result) / (moved @ turned)
        shares.append(share)
        result -= share * turned
    if history:
        moved, turned = history[-1]
        result *= (moved @ turned) / (turned @ turned)
    for (moved, turned), share in zip(history, reversed(shares)):
        result += (share - (turned @ result) / (moved @ turned)) * moved
    return result
