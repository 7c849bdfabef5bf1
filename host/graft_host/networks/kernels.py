"""Scales of int8 kernels, one for each filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127  # of an int8 kernel, whose zero point is 0
_SMALLEST_WEIGHT = 1e-12  # that a scale is chosen for: a filter of zeros has one, too


def kernel_scales(kernel: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The scale of each filter, so that its largest weight is 127 steps.

    Args:
        kernel: of four axes.
        axis: of the filters.
    """
    others = tuple(place for place in range(kernel.ndim) if place != axis)
    return np.asarray(np.maximum(np.abs(kernel).max(others), _SMALLEST_WEIGHT) / _LARGEST, np.float32)


def along(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """A vector shaped to multiply a kernel of four axes along one of them."""
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return values.reshape(shape)
