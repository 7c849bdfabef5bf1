"""The bottlenecks of float32 backbones, and of int8 ones by graftkit and by TensorFlow's converter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.family import WeightsSource
from graft_host.networks.int8_file import write_int8
from graft_host.networks.patches import first_convolutions, sample_patches
from graft_host.networks.ranges import measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from graft_host.networks.weight_rounding import round_kernels
from graft_host.support.progress import unwatched
from tests.support.converter import int8_inception

OURS_PHOTOS, CONVERTER_PHOTOS = 32, 100
"""How many photos calibrate a backbone: graftkit's number, and the one that it gave the converter until 0.1.0."""

_THREADS = 2


@dataclass(frozen=True, kw_only=True)
class Backbones:
    """Backbones for the photos of one set.

    Attributes:
        weights: that they are made of.
        tap: the layer that bottlenecks are taken from.
        pixels: uint8 ``[N,S,S,3]``.
        cache: a folder for what does not depend on graftkit's int8.
    """

    weights: WeightsSource
    tap: str
    pixels: NDArray[np.uint8]
    cache: Path

    def float32(self) -> NDArray[np.float32]:
        """The exact bottlenecks of all photos, ``[N,D]``."""
        path = self.cache / "float32.npy"
        if not path.exists():
            np.save(path, self._bottlenecks(self._converted("float32", None), "float32"))
        bottlenecks: NDArray[np.float32] = np.load(path)
        return bottlenecks

    def ours(self) -> NDArray[np.float32]:
        """The bottlenecks of graftkit's int8 network, calibrated on the first photos."""
        return self._bottlenecks(self._converted("int8", self.pixels[:OURS_PHOTOS]), "ours")

    def without_equalization(self) -> NDArray[np.float32]:
        """The bottlenecks of the same network, whose inner channels are not multiplied to more similar ranges."""
        photos, size = self.pixels[:OURS_PHOTOS], self.pixels.shape[1]
        known, scaling = self.weights.family, Scaling(self.weights.mean, self.weights.std)
        network, whole = (
            pools_behind_convolutions(known.network(self.weights, taps, size)) for taps in ([self.tap], known.taps)
        )
        parameters = known.read_parameters(self.weights, network)
        ranges = measure(network, parameters, photos, scaling, _THREADS, unwatched)
        patches = sample_patches(network, parameters, first_convolutions(whole), photos, scaling, _THREADS)
        rounded = round_kernels(network, parameters, ranges, scaling, patches, _THREADS)
        return self._bottlenecks(write_int8(network, parameters, ranges, scaling, rounded), "not-equalized")

    def converter(self) -> NDArray[np.float32]:
        """The bottlenecks of the converter's int8 network, calibrated on the first photos."""
        path = self.cache / "converter.tflite"
        if not path.exists():
            with redirect_stdout(StringIO()):  # it prints the network
                data = int8_inception(self.weights, self.tap, self.pixels[:CONVERTER_PHOTOS])
            path.write_bytes(data)
        return self._bottlenecks(path.read_bytes(), "running")

    def _converted(self, quantization: str, photos: NDArray[np.uint8] | None) -> bytes:
        size = self.pixels.shape[1]
        return convert(self.weights, [self.tap], size, quantization, photos, _THREADS, None)[0]

    def _bottlenecks(self, data: bytes, name: str) -> NDArray[np.float32]:
        path, opened = self.cache / f"{name}.tflite", local()
        path.write_bytes(data)

        def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            if not hasattr(opened, "model"):
                opened.model = open_model(path, "litert", threads=1)
            tensor = to_input(pixels, opened.model.input, self.weights.mean, self.weights.std)
            return dequantize(opened.model(tensor)[0], opened.model.output)

        with ThreadPoolExecutor(_THREADS) as pool:
            return np.stack(list(pool.map(run, self.pixels)))
