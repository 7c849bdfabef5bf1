"""Quantizes a head to int8 in such a way that it names the same classes as the float head."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Array, Head
from graft_host.networks.weight_rounding import round_together

_HEADROOM = 1.15
"""Factor on the range of the logits, for photos whose logits exceed those that it was chosen on."""

_DAMPING = 0.1
"""Share of the mean variance that is added to every variance."""

_TOGETHER = 2048
"""How many numbers of a bottleneck are rounded together at most. 5,120 at once took six seconds of processor and a
gigabyte; three parts took 0.7 s and changed the logits of other photos by a tenth more."""


@dataclass(frozen=True, kw_only=True)
class QuantizedHead:
    """FULLY_CONNECTED in TFLite's int8 scheme: real = scale · (stored - zero point).

    Attributes:
        weights: int8 ``[K,D]``, symmetric, one scale for the tensor.
        weight_scale: scale of the weights.
        bias: int32 ``[K]`` at scale ``input scale · weight_scale``.
        output_scale: scale of the int8 logits.
        output_zero_point: zero point of the int8 logits.
    """

    weights: NDArray[np.int8]
    weight_scale: float
    bias: NDArray[np.int32]
    output_scale: float
    output_zero_point: int


def quantize_head(head: Head, bottlenecks: Array, input_scale: float) -> QuantizedHead:
    """Quantizes a head for the bottlenecks that it was trained on.

    The weights have one scale for the whole tensor: per-channel weights crash tflite-runtime 2.14.0 on Arm with
    fewer than four classes and no bias. They are rounded so that the logits of these bottlenecks change least, and the
    bias corrects the effect of rounding on the mean logits.

    Args:
        head: the float head.
        bottlenecks: a representative dataset, ``[N,D]``.
        input_scale: scale of the int8 bottleneck tensor.
    """
    # Adding the same number to every class does not change the softmax; without the mean the logits need less range.
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
        weights=weights.T.astype(np.int8),
        weight_scale=weight_scale,
        bias=stored_bias.astype(np.int32),
        output_scale=output_scale,
        output_zero_point=int(np.clip(round(-128 - low / output_scale), -128, 127)),
    )


def _rounded(kernel: NDArray[np.float64], bottlenecks: Array, scale: float) -> NDArray[np.float64]:
    """Rounds a kernel ``[D,K]`` to -127…127 times the scale, so that logits change least.

    On test photos the head disagreed with the float head on a fifth to a tenth of the photos that it did with each
    weight rounded on its own. The means of a map's quarters are many numbers: they are rounded in parts.
    """
    scales = np.full(kernel.shape[1], scale)
    parts = np.array_split(np.arange(len(kernel)), math.ceil(len(kernel) / _TOGETHER))
    return np.concatenate([round_together(kernel[part], scales, bottlenecks[:, part], _DAMPING) for part in parts])


def logit_range(logits: NDArray[np.float64]) -> tuple[float, float]:
    """Chooses the range for logits ``[N,K]``: 255 steps are few, so none are spent where they make no difference.

    The best class may be clipped once its lead is so wide that the probabilities of the others together are less than
    one step of the uint8 output. A class may be clipped at the bottom once it trails by as much.
    """
    lead = math.log(256 * logits.shape[1])
    ordered = np.sort(logits, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    high = max(float(np.minimum(best, second + lead).max()) * _HEADROOM, 1e-6)
    low = float(np.maximum(ordered[:, 0], np.minimum(best, high) - lead).min()) * _HEADROOM
    return min(low, 0.0), high  # zero must be representable
