"""Compares ways to learn from many photos from elsewhere and a few by the camera of the place.

Five simulated cameras take photos of cats and dogs. A run draws source photos, which stay as they are, and target
photos by one camera; all other photos by this camera are test photos. The heads are trained by graftkit's functions on
int8 bottlenecks. Results are kept in FOLDER/results.jsonl, a line for each run. What is kept there is not measured
again; --table prints the tables of what there is.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.kept_lines import keep
from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.samples.cameras import CAMERAS
from benchmarks.samples.methods import METHODS, Run, wanted
from benchmarks.samples.photos import Draw, drawn, read_photos, through_camera
from benchmarks.samples.results import Result, by_camera, by_targets, methods_table, read
from graft_device.system.machine import usable_cores
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import jobs_for, photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo
from graft_host.photos.matching import Statistics
from graft_host.photos.place import place_statistics
from graft_host.support.progress import unwatched

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_UNLABELLED = 10  # target photos of each class that are matched, whatever the number of labelled ones


def main() -> None:
    """Runs the command line."""
    options = _options()
    kept, threads = options.folder / "results.jsonl", usable_cores()
    if not options.table:
        options.folder.mkdir(parents=True, exist_ok=True)
        with threadpool_limits(1):
            _measure(options, kept, threads)
    results = read(kept).values()
    lines = [hardware_line(threads), versions_line(), dated()]
    for table in (methods_table, by_camera, by_targets):
        lines += ["", *table(results)]
    sys.stdout.write("\n".join(lines) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.samples", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--camera", dest="cameras", action="append", choices=CAMERAS, help="only this one; repeatable")
    parser.add_argument("--targets", type=int, action="append", help="target photos a class (default: 5, 10, 20, 40)")
    parser.add_argument("--sources", type=int, default=150, help="source photos a class (default: 150)")
    parser.add_argument("--seeds", type=int, default=3, help="draws, with the seeds 0, 1, … (default: 3)")
    parser.add_argument("--photos", type=Path, default=_SHARED / "datasets" / "cats_and_dogs")
    parser.add_argument("--weights", help="as in graft train; by default those beside the checkout, or imagenet")
    parser.add_argument("--tap", default="mixed7", help="default: mixed7")
    parser.add_argument("--image-size", type=int, default=192, help="default: 192")
    parser.add_argument("--table", action="store_true", help="print the tables of the kept results, measure nothing")
    parser.add_argument("--folder", type=Path, default=Path("build/samples"), help="for photos, results and the cache")
    options = parser.parse_args()
    options.cameras = options.cameras or list(CAMERAS)
    options.targets = options.targets or [5, 10, 20, 40]
    beside = sorted((_SHARED / "weights").glob("*.h5"))
    options.weights = options.weights or str([*beside, "imagenet"][0])
    return options


def _measure(options: argparse.Namespace, kept: Path, threads: int) -> None:
    cache = options.folder / "cache"
    dataset = read_photos(options.photos, cache, threads)
    spec = BackboneSpec(
        weights=find_weights(options.weights, 0), tap=options.tap, image_size=options.image_size, quantization="int8",
        resize="squash",
    )  # fmt: skip
    backbone = make_backbone(spec, dataset.photos, cache, threads, progress=unwatched)
    cameras: dict[str, list[Photo]] = {}
    measured = read(kept)
    with Bottlenecks(backbone, cache) as bottlenecks:
        for seed, name, count in itertools.product(range(options.seeds), options.cameras, options.targets):
            if (name, count, seed) in measured:
                continue
            if name not in cameras:
                cameras[name] = through_camera(name, dataset, options.folder / "cameras" / name, threads)
                bottlenecks.extract(photos_alone(cameras[name]), threads, unwatched)
            draw = drawn(dataset, cameras[name], options.sources, count, _UNLABELLED, seed)
            place = _place(draw, threads)
            bottlenecks.extract(jobs_for((draw.sources, wanted(seed, place))), threads, unwatched)
            run = Run(
                draw=draw, bottlenecks=bottlenecks, place=place, classes=len(dataset.labels), seed=seed, threads=threads
            )
            accuracies = {method: run.accuracy(train(run)) for method, train in METHODS.items()}
            result = Result(
                camera=name, targets=count, seed=seed, accuracies=accuracies, at_prior=run.at_prior()
            )  # fmt: skip
            keep(kept, result)
            figures = ", ".join(f"{method} {share:.1%}" for method, share in accuracies.items())
            sys.stderr.write(f"{name}, {count} a class, seed {seed}: {figures}\n")


def _place(draw: Draw, threads: int) -> Statistics:
    """The statistics of the unlabelled photos, read from a folder of them."""
    with tempfile.TemporaryDirectory() as folder:
        for photo in draw.unlabelled:
            (Path(folder) / photo.path.name).symlink_to(photo.path.resolve())
        return place_statistics(Path(folder), draw.sources, "squash", threads)[0]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
