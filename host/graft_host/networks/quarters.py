"""Adds the means of the quarters of a map to a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graft_device.errors import ExportError
from graft_host.networks.layers import Mean, Network, QuarterMeans

QUARTERS = 4


@dataclass(frozen=True)
class Quarter:
    """Where a quarter of a map is.

    Attributes:
        top: the first row.
        left: the first column.
        height: the number of rows.
        width: the number of columns.
    """

    top: int
    left: int
    height: int
    width: int


def quarters(height: int, width: int) -> tuple[Quarter, ...]:
    """The quarters of a map: top left, top right, bottom left, bottom right.

    Their sides are half of the map's, rounded up, so those of an odd side share its middle row or column. All quarters
    of a map of one position are that position.

    Args:
        height: of the map.
        width: of the map.
    """
    high, wide = -(-height // 2), -(-width // 2)
    return tuple(Quarter(top, left, high, wide) for top in (0, height - high) for left in (0, width - wide))


def with_quarter_means(network: Network, outputs: Sequence[tuple[str, str]]) -> Network:
    """The network with other outputs, some of which are means of quarters.

    Args:
        network: its outputs are means of whole maps.
        outputs: for each output that is wanted, one of the network's outputs, and what is appended to its name in the
            name of the means of quarters of the same map; empty for the output itself.

    Raises:
        ExportError: quarters are wanted of an output that is not the mean of a map.
    """
    layers, names = list(network.layers), []
    for output, ending in outputs:
        name = output + ending
        if ending:
            mean = network[output]
            if not isinstance(mean, Mean):
                raise ExportError(f"layer {output} is not the mean of a map, so it has no quarters")
            channels = mean.shape[-1]
            layers.append(QuarterMeans(name=name, inputs=mean.inputs, shape=(QUARTERS * channels,)))
        names.append(name)
    return replace(network, layers=tuple(layers)).with_outputs(names)
