"""The weights of one convolution and its batch norm, and what is wrong with those of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_host.networks.parameters import Parameters

EPSILON = np.float32(0.001)
"""Added to variances (``keras.applications.InceptionV3``, and the graph of 2015)."""


@dataclass(frozen=True)
class ConvWeights:
    """One convolution and its batch norm, inference statistics, no gamma.

    Attributes:
        kernel: float32 ``[height, width, in, out]``.
        beta: the offset, float32 ``[out]``.
        mean: the moving mean, float32 ``[out]``.
        variance: the moving variance, float32 ``[out]``.
    """

    kernel: NDArray[np.float32]
    beta: NDArray[np.float32]
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


def folded(weights: ConvWeights) -> Parameters:
    """A convolution with its batch norm folded in: x · kernel / sqrt(variance + epsilon) + beta - mean / sqrt(…)."""
    factor = 1 / np.sqrt(weights.variance + EPSILON)
    kernel = np.ascontiguousarray((weights.kernel * factor).transpose(3, 0, 1, 2))
    return Parameters(kernel, weights.beta - weights.mean * factor)


def check_layers(path: Path, layers: list[ConvWeights], shapes: list[tuple[int, ...]]) -> None:
    """Raises WeightsError unless the layers of a file are those of the network, in finite numbers."""
    check_count(path, len(layers), len(shapes))
    for index, (layer, shape) in enumerate(zip(layers, shapes, strict=True)):
        check_layer(path, index, layer, shape)


def check_count(path: Path, count: int, wanted: int) -> None:
    """Raises WeightsError if a file has fewer convolutions with their batch norms than the network."""
    if count < wanted:
        raise WeightsError(f"{path} holds {count} of {wanted} convolutions with their batch norms")


def check_layer(path: Path, index: int, layer: ConvWeights, shape: tuple[int, ...]) -> None:
    """Raises WeightsError unless a layer of a file is that of the network, in finite numbers, no variance below 0.

    Args:
        path: the file.
        index: the layer's place in the network.
        layer: the layer.
        shape: of the kernel that the network expects.
    """
    if layer.kernel.shape != shape:
        raise WeightsError(
            f"{path} is not Inception-v3: convolution {index} is {list(layer.kernel.shape)}, "
            f"the network's is {list(shape)}"
        )
    vectors = (layer.beta, layer.mean, layer.variance)
    if any(vector.shape != shape[3:] for vector in vectors):
        raise WeightsError(f"{path} is not Inception-v3: the batch norm of convolution {index} has another length")
    if not all(np.isfinite(array).all() for array in (layer.kernel, *vectors)):
        raise WeightsError(f"{path} is damaged: convolution {index} holds numbers that are not finite")
    if layer.variance.min() < 0:
        raise WeightsError(f"{path} is damaged: a variance of convolution {index} is negative")


def random_weights(shapes: list[tuple[int, ...]], seed: int) -> list[ConvWeights]:
    """He et al. 2015 (normal, variance 2 / fan-in), each filter's mean taken out.

    With filters that see only differences, what photos have in common does not drown out what distinguishes them.

    Args:
        shapes: of the kernels, ``[height, width, in, out]``.
        seed: what they are drawn from.
    """
    rng = np.random.default_rng(seed)
    layers = []
    for shape in shapes:
        deviation = np.sqrt(2 / np.prod(shape[:3]))
        kernel = rng.normal(0, deviation, shape).astype(np.float32)
        kernel -= kernel.mean(axis=(0, 1, 2))
        zeros, ones = np.zeros(shape[3], np.float32), np.ones(shape[3], np.float32)
        layers.append(ConvWeights(kernel, zeros, zeros, ones))
    return layers
