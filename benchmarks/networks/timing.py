"""Times one inference of several networks in turns, and writes the files for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.networks.choices import Network
from benchmarks.turns import Contender, take_turns
from graft_device.runtime import RUNTIMES
from graft_host.backbones.family import WeightsSource
from graft_host.library import train

TURNS = 5

_INVOKES = {"litert": 10, "tflite-runtime": 2}
"""Inferences of a turn. The second takes up to twenty times as long for a network with depthwise layers."""


@dataclass(frozen=True)
class Cost:
    """Of one network.

    Attributes:
        megabytes: of the file that ``graft train`` writes.
        ms: milliseconds of the processor for one inference on one thread, the least of all turns, by runtime.
    """

    megabytes: float
    ms: dict[str, float]


def files(networks: Mapping[Network, tuple[str, WeightsSource]], photos: Path, folder: Path) -> dict[Network, Path]:
    """Trains each network on a folder of photos.

    Args:
        networks: with the value of ``--weights`` and what it names.
        photos: a folder of photos for each class.
        folder: for the files and the cache.

    Returns:
        The file of each network.
    """
    paths = {}
    for network, (weights, _) in networks.items():
        paths[network] = folder / "files" / f"{str(network).replace(':', '-')}.tflite"
        paths[network].parent.mkdir(parents=True, exist_ok=True)
        train(
            photos, paths[network], weights=weights, backbone=network.backbone, tap=network.tap,
            image_size=network.image_size, cache=folder / "cache", overwrite=True,
        )  # fmt: skip
    return paths


def costs(
    paths: Mapping[Network, Path], weights: Mapping[Network, tuple[str, WeightsSource]], photo: Path
) -> tuple[dict[Network, Cost], dict[str, str]]:
    """Times files in turns: each network once, then each network again.

    Args:
        paths: of the files.
        weights: of each network, for the scaling of pixels.
        photo: that all networks get.

    Returns:
        The cost of each network, and for each runtime that is missing the reason.
    """
    contenders = [
        _contender(network, path, runtime, weights[network][1], photo)
        for runtime in RUNTIMES
        for network, path in paths.items()
    ]
    race = take_turns(contenders, TURNS)
    measured = {}
    for network, path in paths.items():
        ms = {}
        for runtime in RUNTIMES:
            if turns := race.turns.get(f"{runtime} {network}"):
                ms[runtime] = min(turn.processor for turn in turns) * 1e3 / _INVOKES[runtime]
        measured[network] = Cost(path.stat().st_size / 1e6, ms)
    missing = {name.split()[0]: reason for name, reason in race.missing.items()}
    return measured, missing


def _contender(network: Network, path: Path, runtime: str, weights: WeightsSource, photo: Path) -> Contender:
    request = {
        "path": str(path), "runtime": runtime, "threads": 1, "photo": str(photo), "image_size": network.image_size,
        "mean": weights.mean, "std": weights.std, "invokes": _INVOKES[runtime],
    }  # fmt: skip
    return Contender(f"{runtime} {network}", "benchmarks.contenders.invoking:invoke", request)
