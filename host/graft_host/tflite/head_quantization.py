"""A head in int8, made so that the classes that it names stay those of the float head."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from graft_host.heads.head import Array, Head

_HEADROOM = 1.15
"""Room for photos whose logits go beyond those that the range was chosen on."""

_DAMPING = 0.1
"""Share of the mean variance that is added to every variance."""


@dataclass(frozen=True)
class QuantizedHead:
    """FULLY_CONNECTED in TFLite's int8 scheme: real = scale · (stored - zero point).

    Attributes:
        weights: int8 ``[K,D]``, symmetric, one scale for the tensor.
        weight_scale: their scale.
        bias: int32 ``[K]`` at scale ``input scale · weight_scale``.
        output_scale: of the int8 logits, and …
        output_zero_point: … their zero point.
    """

    weights: NDArray[np.int8]
    weight_scale: float
    bias: NDArray[np.int32]
    output_scale: float
    output_zero_point: int


def quantize_head(head: Head, bottlenecks: Array, input_scale: float) -> QuantizedHead:
    """Quantizes a head for the bottlenecks that it was trained on.

    The weights have one scale for the whole tensor: per-channel weights crash tflite-runtime 2.14.0 on Arm with
    fewer than four classes and no bias. They are rounded so that the logits of these bottlenecks change least, and
    what rounding does to the mean logits goes into the bias.

    Args:
        head: the float head.
        bottlenecks: representative, ``[N,D]``.
        input_scale: of the int8 bottleneck tensor.
    """
    # Softmax doesn't change when every class gets the same addition; without it the logits need less range.
    kernel = (head.kernel - head.kernel.mean(axis=1, keepdims=True)).astype(np.float64)
    bias = (head.bias - head.bias.mean()).astype(np.float64)
    weight_scale = max(float(np.abs(kernel).max()), 1e-12) / 127
    weights = _rounded(kernel, bottlenecks, weight_scale)
    bias += bottlenecks.mean(axis=0, dtype=np.float64) @ (kernel - weights * weight_scale)
    low, high = logit_range(bottlenecks.astype(np.float64) @ kernel + bias)
    output_scale = (high - low) / 255
    bias_scale = input_scale * weight_scale
    stored_bias = np.clip(np.rint(bias / bias_scale), -(2**31) + 1, 2**31 - 1)
    return QuantizedHead(
        weights.T.astype(np.int8),
        weight_scale,
        stored_bias.astype(np.int32),
        output_scale,
        int(np.clip(round(-128 - low / output_scale), -128, 127)),
    )


def _rounded(kernel: NDArray[np.float64], bottlenecks: Array, scale: float) -> NDArray[np.float64]:
    """Rounds ``[D,K]`` to -127…127 times scale, one bottleneck number after the other.

    Each rounding error is made up for by the weights still to be rounded, as far as these numbers vary together
    (GPTQ, Frantar et al. 2022, with the covariance of the bottlenecks as Hessian). On test photos this left a fifth
    to a tenth of the disagreement with the float head that rounding each weight by itself left.
    """
    centred = bottlenecks - bottlenecks.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64) / len(centred)
    # Without damping, directions in which the few photos don't vary would take any error for nothing.
    covariance[np.diag_indices_from(covariance)] += _DAMPING * np.mean(np.diag(covariance)) + 1e-30
    factor = _inverse_factor(covariance)
    left = kernel.copy()
    rounded = np.empty_like(kernel)
    for index, spread in enumerate(factor):
        rounded[index] = np.clip(np.rint(left[index] / scale), -127, 127)
        error = (left[index] - rounded[index] * scale) / spread[index]
        left[index + 1 :] -= np.outer(spread[index + 1 :], error)
    return rounded


def _inverse_factor(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper U with Uᵀ·U the inverse of a positive definite matrix.

    Cholesky's factor of the matrix read backwards is, read backwards, an upper V with V·Vᵀ the matrix; U is its
    inverse.
    """
    backwards = linalg.cholesky(matrix[::-1, ::-1], lower=True)
    inverse, _ = linalg.lapack.dtrtri(backwards[::-1, ::-1], lower=0)
    factor: NDArray[np.float64] = np.triu(inverse)
    return factor


def logit_range(logits: NDArray[np.float64]) -> tuple[float, float]:
    """The range of logits ``[N,K]`` worth resolving: 255 steps are few, so none go where nobody would see them.

    Above, a winner may be cut off once it leads by so much that the others' probabilities together are less than one
    step of the uint8 output; below, a class may be cut off once it trails by as much.
    """
    lead = math.log(256 * logits.shape[1])
    ordered = np.sort(logits, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    high = max(float(np.minimum(best, second + lead).max()) * _HEADROOM, 1e-6)
    low = float(np.maximum(ordered[:, 0], np.minimum(best, high) - lead).min()) * _HEADROOM
    return min(low, 0.0), high  # zero must be representable
