"""A family of three small convolutions with random weights, as a package would bring it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graft_host.backbones.family import Family, WeightsSource
from graft_host.backbones.registry import ENTRY_POINTS
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.layers import RELU, Network
from graft_host.networks.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

TAPS = ("early", "middle", "late")
MEAN, STD = 100.0, 50.0
_WIDTHS = (8, 16, 24)
_ROOT = Path(__file__).parents[2]


def _describe(_: WeightsSource, taps: Sequence[str], image_size: int) -> Network:
    network = NetworkBuilder(image_size)
    end = network.pixels
    for tap, width in zip(TAPS, _WIDTHS, strict=True):
        end = network.convolution(tap, end, width, (3, 3), stride=2, activation=RELU)
    return network.finish([network.bottleneck(tap) for tap in taps])


def _read_parameters(weights: WeightsSource, network: Network) -> dict[str, Parameters]:
    rng = np.random.default_rng(weights.seed)
    parameters = {}
    for layer in network.convolutions:
        kernel, bias = (rng.normal(0, 0.3, shape) for shape in (network.kernel_shape(layer), layer.shape[-1:]))
        parameters[layer.name] = Parameters(kernel.astype(np.float32), bias.astype(np.float32))
    return parameters


TINY = Family(
    name="tiny",
    title="Tiny",
    module=__name__,
    taps=TAPS,
    default_tap="late",
    search_taps=("middle", "late"),
    smallest_size=16,
    largest_size=64,
    default_size=32,
    search_sizes=(24, 32),
    mean=MEAN,
    std=STD,
    describe=_describe,
    read_parameters=_read_parameters,
)


def _describe_twin(_: WeightsSource, taps: Sequence[str], image_size: int) -> Network:
    network = NetworkBuilder(image_size)
    end = network.pixels
    for tap, width in zip(TAPS, _WIDTHS, strict=True):
        end = network.convolution(tap, end, 2 * width, (3, 3), stride=2, activation=RELU)
    return network.finish([network.bottleneck(tap) for tap in taps])


TWIN = replace(TINY, name="twin", title="Twin", describe=_describe_twin)
"""A family with the same taps and sizes, and twice as many channels."""


def install_twins(folder: Path) -> dict[str, str]:
    """Does what ``install`` does, for both families."""
    environment = install(folder)
    with (folder / "tiny_backbone-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write(f"twin = {__name__}:TWIN\n")
    return environment


def install(folder: Path) -> dict[str, str]:
    """Makes a folder what an installed package leaves; returns the environment in which Python finds it."""
    return install_family(folder, "tiny", f"{__name__}:TINY")


def install_family(folder: Path, name: str, place: str) -> dict[str, str]:
    """Does what ``install`` does, for the family of a name, at a place such as ``module:ATTRIBUTE``."""
    package = folder / f"{name}_backbone-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-backbone\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = {place}\n")
    paths = [str(folder), str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
