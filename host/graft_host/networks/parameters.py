"""The kernel and the bias of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.layers import Network


@dataclass(frozen=True)
class Parameters:
    """What a ``Convolution`` or a ``Depthwise`` computes with; its batch norm is folded in.

    Attributes:
        kernel: float32 ``[filters, height, width, channels]``; ``[1, height, width, channels]`` of a ``Depthwise``.
        bias: float32 ``[filters]``.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def check_parameters(network: Network, parameters: Mapping[str, Parameters]) -> None:
    """Raises ExportError unless each convolution of a network has a kernel and a bias of its shape."""
    for layer in network.convolutions:
        given = parameters.get(layer.name)
        if given is None:
            raise ExportError(f"the network's layer {layer.name} has no weights")
        expected = {"kernel": network.kernel_shape(layer), "bias": layer.shape[-1:]}
        for part, shape in expected.items():
            found = getattr(given, part).shape
            if found != shape:
                raise ExportError(f"the {part} of layer {layer.name} is {found}, not {shape}")


def named_arrays(parameters: Mapping[str, Parameters]) -> dict[str, NDArray[np.float32]]:
    """Parameters as arrays for an ``.npz``: ``kernel:NAME`` and ``bias:NAME`` of each layer."""
    kernels = {f"kernel:{name}": values.kernel for name, values in parameters.items()}
    return kernels | {f"bias:{name}": values.bias for name, values in parameters.items()}


def named_parameters(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Parameters]:
    """The parameters among the arrays of an ``.npz``, by layer."""
    names = [name.removeprefix("kernel:") for name in arrays if name.startswith("kernel:")]
    return {name: Parameters(arrays[f"kernel:{name}"], arrays[f"bias:{name}"]) for name in names}
