"""Finds where a network can be cut, and describes the tail behind a cut."""

from __future__ import annotations

from graft_host.networks.equalization import has_factors
from graft_host.networks.layers import Convolution, Depthwise, Map, Network
from graft_host.networks.rewrites import movable_pools, pools_behind_convolutions


def cut_points(network: Network, whole: Network) -> tuple[str, ...]:
    """The layers at which a network can be cut into a front and a tail, in the order of computation.

    The map of such a layer is all that the convolutions behind it need, and an int8 file of the network has this map
    under the layer's name, with all channels in one scale.

    Args:
        network: as its family describes it.
        whole: the same network with all layers, and the bottlenecks of all taps, as the family describes it.
    """
    written, swapped = pools_behind_convolutions(whole), movable_pools(whole)
    changed = {*swapped, *(convolution.name for convolution in swapped.values())}
    return tuple(
        layer.name
        for layer in network.layers[1:]
        if layer.name not in changed and _divides(network, layer.name) and not has_factors(written, layer.name)
    )


def tail_of(network: Network, cut: str) -> Network:
    """The layers behind a cut that some output with a convolution behind the cut needs.

    Args:
        network: as its family describes it.
        cut: one of ``cut_points``.

    Returns:
        A network whose first layer is the ``Map`` of the cut. Its outputs are those of the network that have a
        convolution between the cut and them, in their order. ``front`` has the others.
    """
    trained = _trained(network, cut)
    entrance = Map(name=cut, shape=network[cut].shape)
    layers = tuple(layer for layer in network.layers if layer.name in _reached(network, cut))
    return Network((entrance, *layers), ()).with_outputs(name for name in network.outputs if name in trained)


def _divides(network: Network, cut: str) -> bool:
    """Whether convolutions behind a cut read nothing but what is computed from its map, and there are some."""
    reached, trained = _reached(network, cut), _trained(network, cut)
    inside = {cut, *reached}
    if not any(isinstance(network[name], (Convolution, Depthwise)) for name in trained):
        return False
    for layer in network.layers:
        outside = layer.name not in inside and layer.name not in _needed(network, cut)
        if outside and isinstance(layer, (Convolution, Depthwise)):
            return False
        if layer.name in reached and not inside.issuperset(layer.inputs):
            return False
    return True


def _needed(network: Network, cut: str) -> set[str]:
    """The layers that a cut is computed from, and itself."""
    return {layer.name for layer in network.with_outputs([cut]).layers}


def _reached(network: Network, cut: str) -> set[str]:
    """The layers that are computed from a cut."""
    reached: set[str] = set()
    for layer in network.layers:
        if not reached.union([cut]).isdisjoint(layer.inputs):
            reached.add(layer.name)
    return reached


def _trained(network: Network, cut: str) -> set[str]:
    """The layers that are computed from a cut with a convolution in between, and these convolutions."""
    reached, trained = _reached(network, cut), set[str]()
    for layer in network.layers:
        convolves = isinstance(layer, (Convolution, Depthwise)) and layer.name in reached
        if convolves or not trained.isdisjoint(layer.inputs):
            trained.add(layer.name)
    return trained
