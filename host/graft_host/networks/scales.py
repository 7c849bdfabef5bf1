"""Chooses the scale and zero point of each layer of an int8 network."""

from __future__ import annotations

import numpy as np

from graft_host.networks.layers import (
    AveragePool,
    Concatenation,
    Entrance,
    Layer,
    MaxPool,
    Network,
    Rectification,
    Requantization,
)
from graft_host.networks.ranges import LayerRange, Ranges
from graft_host.networks.scaling import LARGEST, SMALLEST, InputScaling, Quantization

_STEPS = 255  # between the smallest and the largest int8 number
_NARROWEST = 2.0**-12
"""A layer that reaches less than this share of what it reads is dead: it is 0 on all photos, or nearly."""

HEADROOM = 1.25
"""How much farther than on the calibration photos a bottleneck may reach: the few photos that it was measured on do not
reach as far as others will, and no later layer can make up for what is clipped there."""


def choose_scales(network: Network, ranges: Ranges, scaling: InputScaling) -> dict[str, Quantization]:
    """The quantization of each layer, by name.

    Pools and joins cannot change the scale: they have that of the layers that they read. What a ``Rectification`` reads
    has a zero point of 0 or more, so that ``depthwise_means`` can give the same bits. A dead layer has the scale of
    what it reads: XNNPACK refuses a network whose scales are too far apart.

    Args:
        network: as ``rewrites.ready_for_int8`` returns it.
        ranges: of its layers.
        scaling: of the input, which is stored as it is.
    """
    groups = _groups(network)
    raised = {groups[layer.inputs[0]] for layer in network.layers if isinstance(layer, Rectification)}
    chosen = {groups[network.entrance.name]: scaling.quantization}

    def choose(group: int) -> Quantization:
        if group not in chosen:
            members = [layer for layer in network.layers if groups[layer.name] == group]
            computed = [layer for layer in members if _computes(layer)]
            sources = {name: choose(groups[name]) for layer in computed for name in layer.inputs}
            covering = _covering(network, computed, ranges, sources)
            chosen[group] = _not_negative(covering) if group in raised else covering
        return chosen[group]

    return {name: choose(group) for name, group in groups.items()}


def _groups(network: Network) -> dict[str, int]:
    """A number for each layer; layers of one number have one scale."""
    groups = {layer.name: place for place, layer in enumerate(network.layers)}
    for layer in network.layers:
        if isinstance(layer, (Concatenation, MaxPool, AveragePool)):
            for source in layer.inputs:
                old, new = groups[layer.name], groups[source]
                groups = {name: new if group == old else group for name, group in groups.items()}
    return groups


def _computes(layer: Layer) -> bool:
    """Whether a layer's numbers may lie outside the range of the layers that it reads."""
    return not isinstance(layer, (Entrance, Concatenation, MaxPool, AveragePool))


def _range(network: Network, layer: Layer, ranges: Ranges) -> LayerRange:
    seen = ranges[layer.inputs[0] if isinstance(layer, Requantization) else layer.name]
    if layer.name in network.outputs:
        return LayerRange(seen.least * HEADROOM, seen.greatest * HEADROOM, seen.means)
    return seen


def _covering(network: Network, layers: list[Layer], ranges: Ranges, sources: dict[str, Quantization]) -> Quantization:
    """The quantization that covers what layers computed; ``sources`` is that of what they read, by name."""
    extents = []
    for layer in layers:
        seen = _range(network, layer, ranges)
        least, greatest = min(0.0, float(seen.least.min())), max(0.0, float(seen.greatest.max()))
        if greatest - least > _NARROWEST * _STEPS * max(sources[name].scale for name in layer.inputs):
            extents.append((least, greatest))
    if not extents:
        return Quantization(max(source.scale for source in sources.values()), 0)
    least, greatest = (pick(ends) for pick, ends in zip((min, max), zip(*extents, strict=True), strict=True))
    scale = float(np.float32((greatest - least) / _STEPS))
    return Quantization(scale, int(np.clip(round(SMALLEST - least / scale), SMALLEST, LARGEST)))


def _not_negative(covering: Quantization) -> Quantization:
    """A quantization that reaches as far, with a zero point of 0 or more."""
    if covering.zero_point >= 0:
        return covering
    greatest = covering.scale * (LARGEST - covering.zero_point)
    return Quantization(float(np.float32(greatest / LARGEST)), 0)
