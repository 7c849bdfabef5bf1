"""The int8 network of EfficientNet-Lite0 against its float one, on real photos and both runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.classifier import dequantize, to_input
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.float_file import write_float32
from tests.support.networks import decibels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

SIDE, PHOTOS = 224, 96


def _bottlenecks(path: Path, runtime: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    runner = open_model(path, runtime, threads=1)
    return np.stack([dequantize(runner(to_input(each, runner.input, 127, 128))[0], runner.output) for each in pixels])


@pytest.mark.parametrize(("tap", "least"), [("top", 22), ("expand6", 30)])
def test_int8_bottlenecks_are_close_to_float_ones(tap: str, least: float, cats_and_dogs: Path, tmp_path: Path) -> None:
    """24.3 and 33.7 dB when this was written. On x86 the runtimes return different bytes,
    16 steps apart at most at ``top``."""
    lite = family("efficientnet-lite0")
    source = find_weights("imagenet", family=lite)
    photos = sorted(cats_and_dogs.glob("*/*.jpg"))
    photos = photos[:: len(photos) // PHOTOS][:PHOTOS]
    pixels = np.stack([preprocess(path, SIDE) for path in photos])
    network = lite.describe(source, [tap], SIDE)
    exact, int8 = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    exact.write_bytes(write_float32(network, lite.read_parameters(source, network)))
    int8.write_bytes(convert(source, [tap], SIDE, "int8", pixels[::2], 2, None)[0])
    held_out = pixels[1::2]
    expected = _bottlenecks(exact, "litert", held_out)
    for runtime in ("litert", "tflite-runtime"):
        assert decibels(_bottlenecks(int8, runtime, held_out), expected) >= least, runtime
