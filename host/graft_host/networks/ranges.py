"""Measures the ranges of a network's layers by running it on photos in LiteRT.

The network that runs has int8 kernels already, and activations that are float32 outside the operators. It takes a third
of a float32 network's time, and its ranges and means are those that the int8 network will see: bottlenecks are as near
to float32 as with ranges from float32 kernels, or 0.1 to 0.3 dB nearer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.float_file import write_for_ranges
from graft_host.networks.layers import LINEAR, Addition, Concatenation, Entrance, Layer, Network, Window
from graft_host.networks.parameters import Parameters
from graft_host.networks.runner import Outputs, run_on_photos
from graft_host.networks.scaling import InputScaling
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
    photos: NDArray[Any],
    scaling: InputScaling,
    threads: int,
    progress: Progress,
) -> dict[str, LayerRange]:
    """Measures the range of each layer. The result does not depend on the number of threads.

    Args:
        network: without a ``Requantization``.
        parameters: of its layers.
        photos: uint8 ``[N,S,S,3]``, or int8 maps of photos ``[N,H,W,C]``.
        scaling: of pixels or maps.
        threads: how many photos are run at a time, each on one core.
        progress: called with (photos done, photos).

    Raises:
        ExportError: there is no photo, the parameters do not fit, or LiteRT cannot run the network.
    """
    if len(photos) == 0:
        raise ExportError("there is no photo to measure the ranges of the backbone's activations on")
    watched = [layer for layer in network.layers if not isinstance(layer, (Entrance, Concatenation))]
    names = tuple(layer.name for layer in watched)
    file = write_for_ranges(Network(network.layers, names), parameters)

    def seen(_number: int, _values: NDArray[np.float32], outputs: Outputs) -> list[LayerRange]:
        return [_seen(values, layer) for values, layer in zip(outputs, watched, strict=True)]

    runs = []
    with contextlib.closing(run_on_photos(file, photos, scaling, threads, seen)) as finished:
        for ranges_of_photo in finished:
            runs.append(ranges_of_photo)
            progress(len(runs), len(photos))
    ranges = dict(zip(names, map(_united, zip(*runs, strict=True)), strict=True))
    ranges[network.entrance.name] = _of_entrance(photos, scaling)
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


def _of_entrance(photos: NDArray[Any], scaling: InputScaling) -> LayerRange:
    levels = np.mean([photo.reshape(-1, photo.shape[-1]).mean(0) for photo in photos], axis=0)
    least, greatest = (np.full(levels.shape, end, np.float32) for end in scaling.extent)
    return LayerRange(np.minimum(least, 0), np.maximum(greatest, 0), scaling.means(levels))
