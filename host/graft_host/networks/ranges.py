"""Measures the ranges of a network's layers by running it on photos in LiteRT.

The network that runs has int8 kernels already, and activations that are float32 outside the operators. It takes a third
of a float32 network's time, and its ranges and means are those that the int8 network will see: bottlenecks are as near
to float32 as with ranges from float32 kernels, or 0.1 to 0.3 dB nearer.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.float_file import write_for_ranges
from graft_host.networks.layers import LINEAR, Addition, Concatenation, Layer, Network, Pixels, Window
from graft_host.networks.parameters import Parameters
from graft_host.networks.scaling import Scaling
from graft_host.support.progress import Progress


@dataclass(frozen=True)
class LayerRange:
    """What was seen of a layer over all photos.

    Attributes:
        least: the smallest number of each channel, at most 0, float32 ``[C]``.
        greatest: the largest number of each channel, at least 0, float32 ``[C]``.
        means: the mean of each channel, float64 ``[C]``.
    """

    least: NDArray[np.float32]
    greatest: NDArray[np.float32]
    means: NDArray[np.float64]


Ranges = Mapping[str, LayerRange]
"""The range of each layer by its name."""


def measure(
    network: Network,
    parameters: Mapping[str, Parameters],
    photos: NDArray[np.uint8],
    scaling: Scaling,
    threads: int,
    progress: Progress,
) -> dict[str, LayerRange]:
    """Measures the range of each layer. The result does not depend on the number of threads.

    Args:
        network: without a ``Requantization``.
        parameters: of its layers.
        photos: uint8 ``[N,S,S,3]``.
        scaling: of pixels.
        threads: how many photos are run at a time, each on one core.
        progress: called with (photos done, photos).

    Raises:
        ExportError: there is no photo, the parameters do not fit, or LiteRT cannot run the network.
    """
    if len(photos) == 0:
        raise ExportError("there is no photo to measure the ranges of the backbone's activations on")
    watched = [layer for layer in network.layers if not isinstance(layer, (Pixels, Concatenation))]
    names = tuple(layer.name for layer in watched)
    file = write_for_ranges(Network(network.layers, names), parameters)
    runs = _on_all_cores(file, watched, photos, scaling, threads, progress)
    ranges = dict(zip(names, map(_united, zip(*runs, strict=True)), strict=True))
    ranges[network.pixels.name] = _of_pixels(photos, scaling)
    for layer in network.layers:
        if isinstance(layer, Concatenation):
            ranges[layer.name] = joined(ranges[name] for name in layer.inputs)
    return ranges


def joined(ranges: Iterable[LayerRange]) -> LayerRange:
    """The range of a concatenation of layers."""
    parts = list(ranges)
    return LayerRange(
        np.concatenate([part.least for part in parts]),
        np.concatenate([part.greatest for part in parts]),
        np.concatenate([part.means for part in parts]),
    )


class _Runner:
    """The network, opened on one core."""

    def __init__(self, file: bytes, layers: Sequence[Layer], scaling: Scaling) -> None:
        from ai_edge_litert.interpreter import Interpreter  # not for commands that find their backbone in the cache

        self._layers, self._scaling = layers, scaling
        try:
            self._interpreter: Any = Interpreter(model_content=file, num_threads=1)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _failed(error) from error
        self._entrance = int(self._interpreter.get_input_details()[0]["index"])
        ends = self._interpreter.get_output_details()
        self._views = [self._interpreter.tensor(end["index"]) for end in ends]

    def __call__(self, pixels: NDArray[np.uint8]) -> list[LayerRange]:
        """The range of each layer on one photo."""
        mean, std = np.float32(self._scaling.mean), np.float32(self._scaling.std)
        scaled = (pixels[np.newaxis].astype(np.float32) - mean) / std
        try:
            self._interpreter.set_tensor(self._entrance, scaled)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise _failed(error) from error
        return [_seen(view(), layer) for view, layer in zip(self._views, self._layers, strict=True)]


def _on_all_cores(
    file: bytes,
    layers: Sequence[Layer],
    photos: NDArray[np.uint8],
    scaling: Scaling,
    threads: int,
    progress: Progress,
) -> list[list[LayerRange]]:
    """The ranges on each photo, in the order of the photos. Ctrl-C ends it after the photos that are running."""
    workers = max(1, min(threads, len(photos)))
    idle: queue.SimpleQueue[_Runner] = queue.SimpleQueue()
    for _ in range(workers):
        idle.put(_Runner(file, layers, scaling))

    def run(pixels: NDArray[np.uint8]) -> list[LayerRange]:
        runner = idle.get()
        try:
            return runner(pixels)
        finally:
            idle.put(runner)

    ranges = []
    with ThreadPoolExecutor(workers) as pool:
        try:
            for seen in pool.map(run, photos):
                ranges.append(seen)
                progress(len(ranges), len(photos))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C, photos that have not begun
    return ranges


def _seen(values: NDArray[np.float32], layer: Layer) -> LayerRange:
    """The range of a layer on one photo, ``[1,H,W,C]`` or ``[1,C]``."""
    signed = not isinstance(layer, (Window, Addition)) or layer.activation == LINEAR
    rows = values.reshape(-1, *values.shape[-2:])  # over rows first: what is added up or compared is then in long runs
    greatest = np.maximum(rows.max(0).max(0), np.float32(0))
    least = np.minimum(rows.min(0).min(0), np.float32(0)) if signed else np.zeros_like(greatest)
    return LayerRange(least, greatest, rows.mean(0, dtype=np.float32).mean(0, dtype=np.float64))


def _united(ranges: Sequence[LayerRange]) -> LayerRange:
    """The range over all photos; the means are added up in the photos' order, so that they round alike every time."""
    return LayerRange(
        np.min([seen.least for seen in ranges], axis=0),
        np.max([seen.greatest for seen in ranges], axis=0),
        np.sum([seen.means for seen in ranges], axis=0) / len(ranges),
    )


def _of_pixels(photos: NDArray[np.uint8], scaling: Scaling) -> LayerRange:
    levels = np.mean([photo.reshape(-1, photo.shape[-1]).mean(0) for photo in photos], axis=0)
    least, greatest = (np.full(levels.shape, end, np.float32) for end in scaling.extent)
    return LayerRange(np.minimum(least, 0), np.maximum(greatest, 0), (levels - scaling.mean) / scaling.std)


def _failed(error: Exception) -> ExportError:
    return ExportError(f"LiteRT cannot run the network: {(str(error).splitlines() or ['?'])[0]}")
