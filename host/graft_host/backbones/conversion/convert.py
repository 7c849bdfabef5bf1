"""Writes a backbone as ``.tflite`` from its family's description and its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.backbones.family import WeightsSource
from graft_host.networks.cuts.cutting import cut
from graft_host.networks.equalization import equalized
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.patches import first_convolutions, sample_patches
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.networks.weight_rounding import round_kernels
from graft_host.support.progress import Progress, unwatched

_FLOAT_FILES = {"float32": write_float32, "float16": write_float16, "dynamic": write_dynamic}


class ParameterReader:
    """Reads and folds the parameters of a backbone once for all image sizes. Nothing is read until they are needed.

    Args:
        weights: the weights to read.
    """

    def __init__(self, weights: WeightsSource) -> None:
        self._weights = weights
        self._parameters: Mapping[str, Parameters] = {}

    def read(self, network: Network) -> Mapping[str, Parameters]:
        """The parameters of a network that the family described; raises WeightsError if the weights do not fit."""
        if self._parameters.keys() != {layer.name for layer in network.convolutions}:
            self._parameters = self._weights.family.read_parameters(self._weights, network)
        return self._parameters


def convert(
    weights: WeightsSource,
    taps: Sequence[str],
    image_size: int,
    quantization: str,
    photos: NDArray[np.uint8] | None,
    threads: int,
    progress: Progress | None,
    reader: ParameterReader | None = None,
) -> list[bytes]:
    """Writes a backbone.

    Args:
        weights: that reach the last tap.
        taps: in the order of their depth.
        image_size: the input side S in pixels.
        quantization: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        photos: uint8 ``[N,S,S,3]`` that the ranges of int8 are measured on; None for float networks.
        threads: how many of these photos are run at a time.
        progress: called with (photos measured, photos).
        reader: of these weights, which keeps what it read for other image sizes; None to keep nothing.

    Returns:
        Flatbuffers. The first has all taps' bottlenecks as its outputs, in their order. Where there are several taps,
        one flatbuffer for each follows, with the same numbers as if it were written by itself on the same photos.

    Raises:
        BackboneError: the family takes no photos of this side.
        WeightsError: the weights do not fit the network.
        ExportError: LiteRT cannot run the network.
    """
    weights.family.check_size(image_size)
    described = weights.family.network(weights, taps, image_size)
    parameters = (reader or ParameterReader(weights)).read(described)
    network = pools_behind_convolutions(described)
    if quantization != "int8":
        return _with_parts(_FLOAT_FILES[quantization](network, parameters), len(taps))
    if photos is None:
        raise ExportError("int8 needs photos to measure the ranges of the activations on")
    scaling = Scaling(weights.mean, weights.std)
    ranges = measure(network, parameters, photos, scaling, threads, progress or unwatched)
    whole = pools_behind_convolutions(weights.family.network(weights, weights.family.taps, image_size))
    parameters, ranges = equalized(network, parameters, ranges, whole)
    patches = sample_patches(network, parameters, first_convolutions(whole), photos, scaling, threads)
    rounded = round_kernels(network, parameters, ranges, scaling, patches, threads)
    return _with_parts(write_int8(network, parameters, ranges, scaling, rounded), len(taps))


def _with_parts(whole: bytes, count: int) -> list[bytes]:
    """A file, and where it has several outputs, the file of each: cutting takes a third of the time of writing."""
    return [whole, *(cut(whole, [place], "the network") for place in range(count) if count > 1)]
