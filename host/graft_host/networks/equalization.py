"""Multiplies the channels of inner layers so that one int8 scale suits them all, and divides them where they are read.

ReLU and pools commute with a positive factor on each channel, so the network computes the same
(Nagel et al. 2019, arXiv 1906.04721, section 4.1). The factors follow from measured activations instead of kernels,
because kernels have a scale for each filter (Xiao et al. 2022, arXiv 2211.10438, section 4.1).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.kernels import along, filter_scales
from graft_host.networks.layers import LINEAR, RELU, AveragePool, Convolution, Depthwise, Layer, MaxPool, Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import LayerRange, Ranges

_EXPONENT = 0.5
"""Of a channel's factor: 1 would give all channels the same range, and kernels with few large weights that round badly;
0 would change nothing. With 0.5, a channel with a hundredth of the widest range gets a tenth of it."""

_LARGEST_FACTOR = 16.0
"""Of a channel that is nearly 0 on all photos."""

_ROUNDING = 1e-4  # by which a recovered factor may differ from 1 where there was none

Factors = Mapping[str, NDArray[np.float32]]
"""The factor of each channel, ``[C]``, of the layers that have factors, by the name of the layer."""


def equalized(
    network: Network, parameters: Mapping[str, Parameters], ranges: Ranges, whole: Network
) -> tuple[dict[str, Parameters], dict[str, LayerRange]]:
    """The parameters and ranges of the same network with factors on the channels of its inner layers.

    Args:
        network: without a ``Requantization``.
        parameters: of its layers.
        ranges: of its layers.
        whole: the network with all layers and all outputs that it could have. A layer that it reads for an output has
            no factors, so what is computed up to a tap does not depend on which taps there are.
    """
    factors: dict[str, NDArray[np.float32]] = {}
    for layer in network.convolutions:
        pools = _pools_behind(whole, whole[layer.name])
        if pools is not None:
            factors.update(dict.fromkeys((layer.name, *pools), _factors(ranges[layer.name])))
    return with_factors(network, parameters, factors), {
        name: _multiplied(seen, factors[name]) if name in factors else seen for name, seen in ranges.items()
    }


def recovered_factors(
    network: Network,
    parameters: Mapping[str, Parameters],
    filters: Mapping[str, NDArray[np.float32]],
    inputs: Mapping[str, float],
) -> dict[str, NDArray[np.float32]]:
    """The factors that an int8 file was written with, all 1 for a file without them.

    A factor multiplies the scale of its filter.

    Args:
        network: of the file.
        parameters: of its layers, without factors.
        filters: the scales of convolutions' filters in the file, ``[filters]``; a convolution that is not among them
            has no factors.
        inputs: the scale of the layer that each of these convolutions reads.
    """
    factors: dict[str, NDArray[np.float32]] = {}
    for layer in network.layers:
        if isinstance(layer, (MaxPool, AveragePool)) and layer.inputs[0] in factors:
            factors[layer.name] = factors[layer.inputs[0]]
        if not isinstance(layer, (Convolution, Depthwise)) or layer.name not in filters:
            continue
        plain = _with_factors(parameters[layer.name], layer, None, factors.get(layer.inputs[0]))
        own = filters[layer.name] / filter_scales(plain, layer.filter_axis, inputs[layer.name])
        factors[layer.name] = np.where(own > 1 + _ROUNDING, own, np.float32(1))
    return factors


def with_factors(network: Network, parameters: Mapping[str, Parameters], factors: Factors) -> dict[str, Parameters]:
    """The parameters of the same network with factors on the channels of its layers.

    Args:
        network: the network.
        parameters: of its layers.
        factors: of a convolution, and of the pools behind it.
    """
    return {
        layer.name: _with_factors(parameters[layer.name], layer, factors.get(layer.name), factors.get(layer.inputs[0]))
        for layer in network.convolutions
    }


def has_factors(network: Network, name: str) -> bool:
    """Whether ``equalized`` gives a layer factors, or passes on those of the layers that it pools.

    Args:
        network: with all layers and all outputs that it could have.
        name: of the layer.
    """
    layer = network[name]
    while isinstance(layer, (MaxPool, AveragePool)):
        if _pools_behind(network, layer) is None:
            return False
        layer = network[layer.inputs[0]]
    return isinstance(layer, (Convolution, Depthwise)) and _pools_behind(network, layer) is not None


def _pools_behind(network: Network, layer: Layer) -> list[str] | None:
    """The pools between a layer and the convolutions that read it.

    Returns:
        Their names; None if the layer must not have factors, because something else reads it too, its activation does
        not commute with them, or it is an output.
    """
    commutes = getattr(layer, "activation", None) in {LINEAR, RELU}
    readers = network.readers(layer.name)
    if not commutes or not readers or layer.name in network.outputs:
        return None
    pools: list[str] = []
    for reader in readers:
        if isinstance(reader, (MaxPool, AveragePool)):
            behind = _pools_behind(network, reader)
            if behind is None:
                return None
            pools += [reader.name, *behind]
        elif not isinstance(reader, (Convolution, Depthwise)):
            return None
    return pools


def _factors(seen: LayerRange) -> NDArray[np.float32]:
    """1 for the channel that reaches farthest from 0, more for the others, float32 ``[C]``."""
    reach = np.maximum(-seen.least, seen.greatest)
    widest = float(reach.max())
    if widest == 0:
        return np.ones(len(reach), np.float32)
    nearest = widest * _LARGEST_FACTOR ** (-1 / _EXPONENT)
    return np.asarray((widest / np.maximum(reach, nearest)) ** _EXPONENT, np.float32)


def _multiplied(seen: LayerRange, factors: NDArray[np.float32]) -> LayerRange:
    return LayerRange(seen.least * factors, seen.greatest * factors, seen.means * factors)


def _with_factors(
    values: Parameters,
    layer: Convolution | Depthwise,
    own: NDArray[np.float32] | None,
    source: NDArray[np.float32] | None,
) -> Parameters:
    kernel, bias = values.kernel, values.bias
    if source is not None:
        kernel = kernel / source
    if own is not None:
        kernel = kernel * along(own, layer.filter_axis)
        bias = bias * own
    return Parameters(kernel, bias)
