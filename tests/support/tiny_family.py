"""A family of three small convolutions with random weights, as a package would bring it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graft_host.backbones.family import Family, WeightsSource
from graft_host.backbones.registry import ENTRY_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

TAPS = ("early", "middle", "late")
MEAN, STD = 100.0, 50.0
_WIDTHS = (8, 16, 24)
_ROOT = Path(__file__).parents[2]


def _build(weights: WeightsSource, taps: Sequence[str], image_size: int) -> Any:
    import keras

    values = maps = keras.Input((image_size, image_size, 3))
    bottlenecks = []
    for tap, width in zip(TAPS, _WIDTHS, strict=True):
        maps = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu", name=tap)(maps)
        if tap in taps:
            bottlenecks.append(keras.layers.GlobalAveragePooling2D()(maps))
    network = keras.Model(values, bottlenecks[0] if len(taps) == 1 else bottlenecks)
    rng = np.random.default_rng(weights.seed)
    for tap in TAPS[: TAPS.index(taps[-1]) + 1]:
        layer = network.get_layer(tap)
        kernel, bias = (rng.normal(0, 0.3, tuple(variable.shape)) for variable in layer.weights)
        layer.set_weights([kernel, bias])
    return network


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
    build=_build,
)


def install(folder: Path) -> dict[str, str]:
    """Makes a folder what an installed package leaves; returns the environment in which Python finds it."""
    package = folder / "tiny_backbone-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-backbone\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\ntiny = {__name__}:TINY\n")
    paths = [str(folder), str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
