"""Rounds the weights of a kernel together, so that its outputs change least on what it reads.

GPTQ (Frantar et al. 2022, arXiv 2210.17323), with the covariance of the inputs as Hessian: what rounding does to the
mean output is taken up by the bias.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.kernels import filter_scales
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import Ranges
from graft_host.networks.rewrites import ready_for_int8
from graft_host.networks.scales import choose_scales
from graft_host.networks.scaling import Scaling
from graft_host.support.parallel import map_parallel

_LARGEST = 127
_BLOCK = 64  # rows of a matrix that is inverted at once

_DAMPING = 0.01  # for thousands of examples


def round_kernels(
    network: Network,
    parameters: Mapping[str, Parameters],
    ranges: Ranges,
    scaling: Scaling,
    patches: Mapping[str, NDArray[np.float32]],
    threads: int,
) -> dict[str, NDArray[np.float64]]:
    """Rounds the kernels of some convolutions to whole numbers of their scales in an int8 file.

    Args:
        network: without a ``Requantization``.
        parameters: of its layers.
        ranges: of its layers.
        scaling: of pixels.
        patches: of what each of these convolutions reads, as ``sample_patches`` returns them.
        threads: how many kernels are rounded at a time.
    """
    scales = choose_scales(ready_for_int8(network), ranges, scaling)

    def rounded(name: str) -> NDArray[np.float64]:
        values, source = parameters[name], scales[network[name].inputs[0]]
        steps = filter_scales(values, 0, source.scale).astype(np.float64)
        flat = values.kernel.reshape(len(values.kernel), -1).T.astype(np.float64)
        return round_together(flat, steps, patches[name], _DAMPING).T.reshape(values.kernel.shape)

    return dict(zip(patches, map_parallel(rounded, list(patches), threads), strict=True))


def round_together(
    kernel: NDArray[np.float64], scales: NDArray[np.float64], inputs: NDArray[np.float32], damping: float
) -> NDArray[np.float64]:
    """Rounds a kernel ``[D,K]`` to whole numbers of -127 to 127, row by row.

    The weights still to be rounded make up for each rounding error, as far as their inputs vary together.

    Args:
        kernel: the weights of D inputs for K outputs.
        scales: what the numbers are multiples of, ``[K]``.
        inputs: examples of what the kernel reads, ``[N,D]``.
        damping: share of the mean variance that is added to every variance. Without it, directions in which these few
            examples do not vary would absorb any error at no cost.
    """
    centred = (inputs - inputs.mean(axis=0)).astype(np.float64)
    covariance = centred.T @ centred / len(centred)
    covariance[np.diag_indices_from(covariance)] += damping * np.mean(np.diag(covariance)) + 1e-30
    factor = _inverse_factor(covariance)
    remaining = kernel / scales
    rounded = np.empty_like(remaining)
    for index, spread in enumerate(factor):
        rounded[index] = np.clip(np.rint(remaining[index]), -_LARGEST, _LARGEST)
        error = (remaining[index] - rounded[index]) / spread[index]
        remaining[index + 1 :] -= np.outer(spread[index + 1 :], error)
    return rounded


def _inverse_factor(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the upper triangular U for which Uᵀ·U is the inverse of a positive definite matrix.

    Reverse the matrix, take its Cholesky factor and reverse that: the result is an upper triangular V for which V·Vᵀ
    is the matrix. U is the inverse of V.
    """
    return _inverse_of_lower(np.linalg.cholesky(matrix[::-1, ::-1]))[::-1, ::-1]


def _inverse_of_lower(lower: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverts a lower triangular matrix by halves; SciPy has this too, but takes longer to import than it runs."""
    size = len(lower)
    if size <= _BLOCK:
        return np.tril(np.linalg.inv(lower))
    half = size // 2
    first, last = _inverse_of_lower(lower[:half, :half]), _inverse_of_lower(lower[half:, half:])
    inverse = np.zeros_like(lower)
    inverse[:half, :half], inverse[half:, half:] = first, last
    inverse[half:, :half] = -last @ (lower[half:, :half] @ first)
    return inverse
