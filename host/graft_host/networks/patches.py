"""Samples what the first convolutions of a network read, on photos."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.networks.float_file import write_float32
from graft_host.networks.layers import Convolution, Network, Pixels, Window
from graft_host.networks.parameters import Parameters
from graft_host.networks.scaling import Scaling
from graft_host.support.parallel import map_parallel

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
    sources = dict.fromkeys(layer.inputs[0] for layer in layers)
    computed = [name for name in sources if not isinstance(network[name], Pixels)]
    data = write_float32(network.with_outputs(computed), parameters) if computed else None
    opened = threading.local()

    def sample(index: int) -> list[NDArray[np.float32]]:
        scaled = (photos[index].astype(np.float32) - np.float32(scaling.mean)) / np.float32(scaling.std)
        values = {network.pixels.name: scaled}
        if data is not None:
            if not hasattr(opened, "interpreter"):
                opened.interpreter = _opened(data)
            values |= zip(computed, _run(opened.interpreter, scaled), strict=True)
        rng = np.random.default_rng(index)
        return [_drawn(values[layer.inputs[0]], layer, rng) for layer in layers]

    drawn = map_parallel(sample, range(min(_PHOTOS, len(photos))), threads)
    return {layer.name: np.concatenate(rows) for layer, rows in zip(layers, zip(*drawn, strict=True), strict=True)}


def _opened(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter  # not for commands that find their backbone in the cache

    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, scaled: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], scaled[np.newaxis])
    interpreter.invoke()
    return [interpreter.get_tensor(end["index"])[0] for end in interpreter.get_output_details()]


def _drawn(values: NDArray[np.float32], layer: Convolution, rng: np.random.Generator) -> NDArray[np.float32]:
    """Some of the patches of a layer's input ``[H,W,C]``, with zeros beyond the border."""
    around = []
    for side, outputs, window in zip(values.shape, layer.shape, layer.size, strict=False):
        missing = max((outputs - 1) * layer.stride + window - side, 0) if layer.padded else 0
        around.append((missing // 2, missing - missing // 2))
    padded = np.pad(values, (*around, (0, 0)))
    height, width = layer.shape[:2]
    places = rng.choice(height * width, min(_PATCHES, height * width), replace=False)
    rows = (places // width * layer.stride)[:, None, None] + np.arange(layer.size[0])[:, None]
    columns = (places % width * layer.stride)[:, None, None] + np.arange(layer.size[1])
    return np.asarray(padded[rows, columns].reshape(len(places), -1))
