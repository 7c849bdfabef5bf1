"""Complete models of a small network with random weights, in milliseconds and without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graft_host.heads.head import Head
from graft_host.heads.novelty import Novelty, measure_spread
from graft_host.networks.float_file import write_dynamic, write_float16, write_float32
from graft_host.networks.int8_file import write_int8
from graft_host.networks.ranges import measure
from graft_host.networks.scaling import Scaling
from graft_host.tflite.fuse import fuse
from graft_host.tflite.metadata import attach
from tests.support.device_models import make_card
from tests.support.networks import compute, random_parameters, unwatched

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graft_host.networks.layers import Network

LABELS = ("cats", "dogs", "owls")
MEAN, STD = 127.0, 128.0

_FLOAT_WRITERS = {"float32": write_float32, "float16": write_float16, "dynamic": write_dynamic}


def photos_of(side: int, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random photos ``[N,S,S,3]`` that differ in their colours and in how much they vary."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(5, 80, (count, 1, 1, 1))
    levels = rng.uniform(0, 255, (count, 1, 1, 3)) + rng.normal(0, 1, (count, side, side, 3)) * spread
    photos: NDArray[np.uint8] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return photos


def write_whole(path: Path, network: Network, kind: str) -> Path:
    """Writes a complete model of a network whose outputs are bottlenecks; it lowers the scores of unknown photos.

    Args:
        path: the file to write.
        network: with random weights; several outputs are put side by side.
        kind: ``int8``, ``dynamic``, ``float16`` or ``float32``.
    """
    side = network.pixels.shape[0]
    parameters, photos, scaling = random_parameters(network), photos_of(side, 24), Scaling(MEAN, STD)
    if kind == "int8":
        ranges = measure(network, parameters, photos, scaling, 1, unwatched)
        backbone = write_int8(network, parameters, ranges, scaling)
    else:
        backbone = _FLOAT_WRITERS[kind](network, parameters)
    bottlenecks = np.stack([_bottleneck(network, parameters, photo) for photo in photos])
    deviation = bottlenecks.std(axis=0) + 0.1
    kernel = np.random.default_rng(1).normal(0, 1, (bottlenecks.shape[1], len(LABELS))) / deviation[:, np.newaxis]
    kernel /= np.abs((bottlenecks - bottlenecks.mean(axis=0)) @ kernel).mean() / 2
    head = Head(kernel.astype(np.float32), (-bottlenecks.mean(axis=0) @ kernel).astype(np.float32))
    spread = measure_spread(bottlenecks)
    if spread.directions is not None:  # photos of a few colours differ in few; the rest would be rounding
        spread = replace(spread, directions=spread.directions[:1])
    novelty = Novelty(spread, 1.5 * float(np.quantile(spread.distance(bottlenecks), 0.7)))
    card = replace(make_card(kind, side), mean=MEAN, std=STD)
    path.write_bytes(attach(fuse(backbone, head, bottlenecks, novelty=novelty), LABELS, card))
    return path


def _bottleneck(network: Network, parameters: Any, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    layers = compute(network, parameters, (photo - MEAN) / STD)
    return np.concatenate([layers[name] for name in network.outputs]).astype(np.float32)
