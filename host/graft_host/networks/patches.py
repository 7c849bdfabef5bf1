"""Samples what the first convolutions of a network read, on photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.float_file import write_float32
from graft_host.networks.layers import Convolution, Network, Pixels, Window
from graft_host.networks.padding import padding
from graft_host.networks.parameters import Parameters
from graft_host.networks.runner import Outputs, run_on_photos
from graft_host.networks.scaling import Scaling

_PHOTOS = 8  # that are sampled, at most
_PATCHES = 256  # of a photo


def first_convolutions(network: Network) -> tuple[Convolution, ...]:
    """The convolutions before the network branches: all that it computes passes through them."""
    found: list[Convolution] = []
    readers = network.readers(network.pixels.name)
    while len(readers) == 1 and isinstance(readers[0], Window):
        (layer,) = readers
        if isinstance(layer, Convolution):
            found.append(layer)
        readers = network.readers(layer.name)
    return tuple(found)


def sample_patches(
    network: Network,
    parameters: Mapping[str, Parameters],
    layers: Sequence[Convolution],
    photos: NDArray[np.uint8],
    scaling: Scaling,
    threads: int,
) -> dict[str, NDArray[np.float32]]:
    """Draws patches that convolutions read, each as large as the kernel.

    Args:
        network: with the layers.
        parameters: of the network's layers.
        layers: whose inputs are sampled.
        photos: uint8 ``[N,S,S,3]``.
        scaling: of pixels.
        threads: how many photos are run at a time. The patches do not depend on it.

    Returns:
        For each layer, float32 ``[patches, height · width · channels]``, in the order of a kernel.
    """
    if not layers:
        return {}
    sources = dict.fromkeys(layer.inputs[0] for layer in layers)
    computed = [name for name in sources if not isinstance(network[name], Pixels)]
    watched = computed or [layers[0].name]  # LiteRT runs no network without an output
    data = write_float32(network.with_outputs(watched), parameters)

    def sample(number: int, values: NDArray[np.float32], outputs: Outputs) -> list[NDArray[np.float32]]:
        read = {network.pixels.name: values}
        read |= zip(computed, (output[0] for output in outputs), strict=False)
        rng = np.random.default_rng(number)
        return [_drawn(read[layer.inputs[0]], layer, rng) for layer in layers]

    drawn = list(run_on_photos(data, photos[:_PHOTOS], scaling, threads, sample))
    return {layer.name: np.concatenate(rows) for layer, rows in zip(layers, zip(*drawn, strict=True), strict=True)}


def _drawn(values: NDArray[np.float32], layer: Convolution, rng: np.random.Generator) -> NDArray[np.float32]:
    """Some of the patches of a layer's input ``[H,W,C]``, with zeros beyond the border."""
    sides = zip(values.shape, layer.size, strict=False)
    around = [padding(side, window, layer.stride) if layer.padded else (0, 0) for side, window in sides]
    padded = np.pad(values, (*around, (0, 0)))
    height, width = layer.shape[:2]
    places = rng.choice(height * width, min(_PATCHES, height * width), replace=False)
    rows = (places // width * layer.stride)[:, None, None] + np.arange(layer.size[0])[:, None]
    columns = (places % width * layer.stride)[:, None, None] + np.arange(layer.size[1])
    return np.asarray(padded[rows, columns].reshape(len(places), -1))
