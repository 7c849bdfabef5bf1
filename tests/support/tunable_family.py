"""A family whose pretrained last layer sees brightness alone, and photos whose classes differ in colour alone.

A linear head on its bottlenecks can only guess. Training the last layer makes the classes easy to tell apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import LINEAR, RELU, Network
from graft_host.networks.parameters import Parameters
from tests.support.tiny_family import install_family

if TYPE_CHECKING:
    from collections.abc import Sequence

TAPS = ("early", "middle", "late")
SIDE = 32
_CHANNELS = 6
_FAINT = 0.03  # of the last layer: a few small steps then change it


def _describe(_: WeightsSource, taps: Sequence[str], image_size: int) -> Network:
    network = NetworkBuilder(image_size)
    end = network.pixels
    for tap in TAPS:
        activation = LINEAR if tap == "late" else RELU  # so that no step can make all of its numbers 0
        end = network.convolution(tap, end, _CHANNELS, (3, 3), stride=2, activation=activation)
    return network.finish([network.bottleneck(tap) for tap in taps])


def _read_parameters(weights: WeightsSource, network: Network) -> dict[str, Parameters]:
    assert weights.path is not None
    with np.load(weights.path) as stored:
        return {
            layer.name: Parameters(stored[f"{layer.name}_kernel"], stored[f"{layer.name}_bias"])
            for layer in network.convolutions
        }


def _identify(file: WeightsFile) -> WeightsSource:
    return WeightsSource(
        family=TUNABLE, name=file.name, path=file.path, fingerprint=file.sha256, mean=TUNABLE.mean, std=TUNABLE.std
    )


TUNABLE = Family(
    name="tunable",
    title="Tunable",
    module=__name__,
    taps=TAPS,
    default_tap="late",
    search_taps=("middle", "late"),
    smallest_size=16,
    largest_size=64,
    default_size=SIDE,
    search_sizes=(24, 32),
    mean=0.0,
    std=255.0,
    describe=_describe,
    read_parameters=_read_parameters,
    weights_files="an .npz",
    identify=_identify,
)


def write_weights(path: Path) -> Path:
    """Writes weights whose first layers keep each colour apart, and whose last layer adds the colours up."""
    rng = np.random.default_rng(0)
    arrays: dict[str, NDArray[np.float32]] = {}
    channels = 3
    for tap in TAPS:
        kernel = np.zeros((_CHANNELS, 3, 3, channels), np.float32)
        if tap == "late":
            kernel[:] = _FAINT / (9 * channels)
        else:
            for place in range(_CHANNELS):
                kernel[place, :, :, place % 3] = 1 / 9
        arrays[f"{tap}_kernel"] = kernel + rng.normal(0, 1e-5, kernel.shape).astype(np.float32)
        arrays[f"{tap}_bias"] = np.zeros(_CHANNELS, np.float32)
        channels = _CHANNELS
    np.savez(path, **arrays)
    return path


def write_colours(folder: Path, count: int, seed: int = 0) -> Path:
    """Writes reddish and greenish photos of any brightness; both have the same mean over the colours."""
    for label, (strong, weak) in {"green": (1, 0), "red": (0, 1)}.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([seed, strong, number])
            pixels = rng.uniform(40, 160) + rng.normal(0, 12, (40, 40, 3))
            shift = rng.uniform(10, 40)
            pixels[..., strong] += shift
            pixels[..., weak] -= shift
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / label / f"{number:03}.png")
    return folder


def install(folder: Path) -> dict[str, str]:
    """Makes a folder what an installed package leaves; returns the environment in which Python finds it."""
    return install_family(folder, "tunable", f"{__name__}:TUNABLE")
