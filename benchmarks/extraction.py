"""Compares extraction with what the cores can do at best: cores ÷ (seconds to decode + seconds to infer one photo).

Usage: ``python -m benchmarks.extraction PHOTOS --weights FILE [--tap mixed7] [--image-size 299] [--rounds 3] [--json]``

Each round measures one thread that decodes and infers, photo by photo on an otherwise idle machine, and then the
extraction stage with an empty cache; the medians of the rounds are compared. Decoding includes everything before
inference: reading the file, checking its content, decoding and resizing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from graft_device.classifier import to_input
from graft_device.preprocess import fit, load, read_photo
from graft_device.system.machine import usable_cores
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.bottlenecks.workers import MANY, OpenNetwork, fastest
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo, scan
from graft_host.support.cache import default_cache

GOAL = 0.85
"""The share of the best possible rate that extraction should reach."""

_SAMPLE = 60
_WARM_UP = 5


class Round(NamedTuple):
    """The measurements of one round.

    Attributes:
        decode: the seconds that one thread takes to decode a photo.
        infer: the seconds that one thread takes to run the network on a photo.
        rate: the photos per second of the extraction stage on all cores.
    """

    decode: float
    infer: float
    rate: float

    def share(self, cores: int) -> float:
        """The extraction rate as a share of the best possible rate."""
        return self.rate * (self.decode + self.infer) / cores


def alone(backbone: Backbone, photos: list[Photo]) -> tuple[float, float]:
    """The mean seconds to decode a photo and to run the network on it, in one thread that does nothing else."""
    spec = backbone.spec
    decode, infer = [], []
    with fastest(backbone.path, MANY) as file:
        network = OpenNetwork(file)
        for photo in [*photos[:_WARM_UP], *photos]:
            start = time.perf_counter()
            pixels = fit(load(read_photo(photo.path), spec.image_size, spec.resize), spec.image_size, spec.resize)
            tensor = to_input(pixels, network.input, spec.weights.mean, spec.weights.std)
            between = time.perf_counter()
            network(tensor)
            decode.append(between - start)
            infer.append(time.perf_counter() - between)
    return sum(decode[_WARM_UP:]) / len(photos), sum(infer[_WARM_UP:]) / len(photos)


def together(backbone: Backbone, photos: list[Photo], cores: int) -> float:
    """The photos per second of the extraction stage, with nothing cached."""
    with tempfile.TemporaryDirectory(prefix="graft-") as cache, Bottlenecks(backbone, Path(cache)) as bottlenecks:
        start = time.perf_counter()
        result = bottlenecks.extract(photos_alone(photos), cores, lambda *_: None)
        return result.misses / (time.perf_counter() - start)


def main() -> None:
    """Prints a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", default="random")
    parser.add_argument("--tap", default="mixed7")
    parser.add_argument("--image-size", type=int, default=299)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cores = usable_cores()
    photos = list(scan(args.photos, cores).photos)
    spec = BackboneSpec(
        weights=find_weights(args.weights),
        tap=args.tap,
        image_size=args.image_size,
        quantization="int8",
        resize="squash",
    )
    backbone = quantized_backbone(spec, photos, args.cache or default_cache(), cores)
    sample = photos[:: max(1, len(photos) // _SAMPLE)]
    rounds = [Round(*alone(backbone, sample), together(backbone, photos, cores)) for _ in range(args.rounds)]
    middle = Round(*(median(values) for values in zip(*rounds, strict=True)))
    share = median(one_round.share(cores) for one_round in rounds)
    if args.json:
        figures = {"tap": args.tap, "image_size": args.image_size, "cores": cores, **middle._asdict(), "share": share}
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    verdict = "reaches" if share >= GOAL else "BELOW"
    sys.stdout.write(
        "| tap | side | decode, ms | infer, ms | cores / (decode + infer) | extraction, photos/s | share |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        f"| {args.tap} | {args.image_size} | {middle.decode * 1e3:.1f} | {middle.infer * 1e3:.1f} | "
        f"{cores / (middle.decode + middle.infer):.1f} | {middle.rate:.1f} | {share:.0%} ({verdict} {GOAL:.0%}) |\n"
    )


if __name__ == "__main__":
    main()
