"""The mean error that rounding a kernel causes, which is taken off the bias.

Nagel et al. 2019, arXiv 1906.04721, section 4.2, with means that were measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.layers import Convolution, Depthwise
from graft_host.networks.padding import padding


def mean_error(
    error: NDArray[np.float64], means: NDArray[np.float64], layer: Convolution | Depthwise, height: int, width: int
) -> NDArray[np.float64]:
    """The mean output of a kernel's error, float64 ``[filters]``.

    Args:
        error: the rounded kernel minus the kernel, ``[filters, height, width, channels]``.
        means: of the input's channels, ``[channels]``.
        layer: whose kernel it is.
        height: of the input.
        width: of the input.
    """
    rows = inside(height, layer.shape[0], layer.size[0], layer.stride, padded=layer.padded)
    columns = inside(width, layer.shape[1], layer.size[1], layer.stride, padded=layer.padded)
    reached = np.tensordot(error, np.outer(rows, columns), axes=((1, 2), (0, 1)))  # [filters, channels]
    if isinstance(layer, Depthwise):
        return np.asarray(reached[0] * means)
    return np.asarray(reached @ means)


def inside(side: int, outputs: int, window: int, stride: int, *, padded: bool) -> NDArray[np.float64]:
    """For each row (or column) of a window, the share of its positions at which it is inside the border, ``[window]``.

    Args:
        side: of the input.
        outputs: the side of the output: the number of positions.
        window: side of the window.
        stride: of the window.
        padded: whether the window may reach over the border.
    """
    before = padding(side, window, stride)[0] if padded else 0
    places = np.arange(outputs)[:, None] * stride - before + np.arange(window)
    return np.asarray(((places >= 0) & (places < side)).mean(0))
