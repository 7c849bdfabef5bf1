"""Scales of int8 kernels, one for each filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.parameters import Parameters

_LARGEST = 127  # of an int8 kernel, whose zero point is 0
_SMALLEST_WEIGHT = 1e-12  # that a scale is chosen for: a filter of zeros has one, too
_BIAS_ROOM = 2**30  # the largest stored bias that a filter's scale has to leave room for


def kernel_scales(kernel: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The scale of each filter, so that its largest weight is 127 steps.

    Args:
        kernel: of four axes.
        axis: of the filters.
    """
    others = tuple(place for place in range(kernel.ndim) if place != axis)
    return np.asarray(np.maximum(np.abs(kernel).max(others), _SMALLEST_WEIGHT) / _LARGEST, np.float32)


def filter_scales(values: Parameters, axis: int, input_scale: float) -> NDArray[np.float32]:
    """The scale of each filter of an int8 network: that of its kernel, or a larger one where the bias needs it.

    A bias is stored in steps of the filter's scale times the input's, in 32 bits.

    Args:
        values: of the layer.
        axis: of the filters in the kernel.
        input_scale: of the layer that is read.
    """
    needed = np.abs(values.bias).astype(np.float64) / (input_scale * _BIAS_ROOM)
    return np.maximum(kernel_scales(values.kernel, axis), needed.astype(np.float32))


def along(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """A vector shaped to multiply a kernel of four axes along one of them."""
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return values.reshape(shape)
