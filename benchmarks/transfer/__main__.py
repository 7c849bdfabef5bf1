"""Compares ways to transfer learning: how accurate the shipped file is on photos that were held out.

Each model is trained by the product, in a process of its own, on a few photos of each class; balanced accuracy is the
mean of the classes' recalls. All methods have the same draws of photos, and one draw for each seed. With seed 0 each
run has an empty cache, so that its seconds and its memory are those of a first run; the other seeds share a cache.

Results are kept in FOLDER/results.jsonl, a line for each model. What is kept there is not measured again, so a run may
be interrupted, and a part of it may be run: --set, --photos, --method and --seeds choose one. Parts of different sets
may run at the same time. Take another FOLDER for other weights or another image size. --table prints the tables of what
there is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.kept_lines import keep
from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.transfer.draws import PhotoSet, lay_out, read_set
from benchmarks.transfer.figures import write_figures
from benchmarks.transfer.methods import METHODS, Method
from benchmarks.transfer.rendered_sets import RENDERED, render_set
from benchmarks.transfer.results import Result, accuracies, costs, gains, read
from graft_device.system.machine import usable_cores
from graft_host.demo.rendering.render import render_dataset

_REPOSITORY = Path(__file__).resolve().parents[2]
_SHARED = _REPOSITORY.parent / "shared"
_ASIRRA = "cats_and_dogs"
_PARTS = "parts"
Job = tuple[str, int, Method, int]


def main() -> None:
    """Runs the command line."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    kept = options.folder / "results.jsonl"
    if not options.table:
        results = read(kept)
        sets: dict[str, PhotoSet] = {}
        for name, count, method, seed in _jobs(options):
            if (name, count, method.name, seed) in results:
                continue
            if name not in sets:
                sets[name] = read_set(
                    name, _photos(name, options.rendered, options.folder), options.folder / "cache", usable_cores()
                )
            if count <= sets[name].most:
                result = _measured(sets[name], count, method, seed, options)
                keep(kept, result)
                sys.stderr.write(
                    f"{name}, {count} a class, {method.name}, seed {seed}: {result.figures['balanced']:.1%}, "
                    f"{result.seconds:.1f} s, {result.megabytes:,.0f} MB\n"
                )
    lines = [hardware_line(usable_cores()), versions_line(), dated()]
    results = read(kept)
    if options.figures:
        write_figures(options.figures, results.values())
    for table in (accuracies, gains, costs):
        lines += ["", *table(results.values())]
    sys.stdout.write("\n".join(lines) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = [*([_ASIRRA] if (_SHARED / "datasets" / _ASIRRA).is_dir() else []), _PARTS, *RENDERED]
    parser.add_argument("--set", dest="sets", action="append", choices=sets, help="only this set; repeatable")
    parser.add_argument("--photos", type=int, action="append", help="photos a class (default: 10, 20, 50 and 200)")
    parser.add_argument("--method", dest="methods", action="append", choices=METHODS, help="only this one; repeatable")
    parser.add_argument("--rendered", type=int, default=250, help="photos of each class to render (default: 250)")
    parser.add_argument("--seeds", type=int, default=5, help="draws, with the seeds 0, 1, … (default: 5)")
    parser.add_argument("--weights", help="as in graft train; by default those beside the checkout, or imagenet")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    parser.add_argument("--table", action="store_true", help="print the tables of the kept results, measure nothing")
    parser.add_argument("--figures", type=Path, help="write the numbers of the documents' figures into this file")
    parser.add_argument("--folder", type=Path, default=Path("build/transfer"), help="for photos, results and the cache")
    options = parser.parse_args()
    options.sets = options.sets or sets
    options.photos = options.photos or [10, 20, 50, 200]
    options.methods = options.methods or list(METHODS)
    beside = sorted((_SHARED / "weights").glob("*.h5"))
    options.weights = options.weights or str([*beside, "imagenet"][0])
    options.folder = options.folder.resolve()
    return options


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    """What is to be measured: seed by seed, so that an interrupted run has something of everything."""
    for seed in range(options.seeds):
        for name in options.sets:
            for count in options.photos:
                for method in options.methods:
                    yield name, count, METHODS[method], seed


def _photos(name: str, rendered: int, folder: Path) -> Path:
    """The folder of a set; renders what is not there yet."""
    place = folder / "sets" / f"{name}-{rendered}"
    if name == _ASIRRA:
        return _SHARED / "datasets" / _ASIRRA
    if name in RENDERED:
        render_set(name, place, rendered, usable_cores())
    elif not place.is_dir():
        render_dataset(place, rendered, 0)
    return place


def _measured(photos: PhotoSet, count: int, method: Method, seed: int, options: argparse.Namespace) -> Result:
    """Trains one model.

    Raises:
        SystemExit: it could not be trained.
    """
    folder: Path = options.folder
    draw = lay_out(photos, count, seed, folder / "draws" / f"{photos.name}-{seed}-{count}")
    cold = seed == 0
    with tempfile.TemporaryDirectory() as scratch:
        request = {
            "photos": str(draw),
            "output": str(Path(scratch) / "model.tflite"),
            "forced": method.forced,
            "options": {
                "weights": options.weights,
                "image_size": options.image_size,
                "cache": str(Path(scratch) / "cache" if cold else folder / f"cache-{photos.name}-{seed}"),
                **method.options,
            },
        }
        seconds, processor, kilobytes, figures = _run(request, Path(scratch))
    return Result(
        photo_set=photos.name, photos=count, method=method.name, seed=seed, cold=cold,
        seconds=round(seconds, 2), processor=round(processor, 2), megabytes=round(kilobytes * 1024 / 1e6, 1),
        figures=figures,
    )  # fmt: skip


def _run(request: dict[str, Any], folder: Path) -> tuple[float, float, int, dict[str, Any]]:
    """Seconds, seconds of the processor, peak memory in KiB, and the figures of one model."""
    asked, answer = folder / "request.json", folder / "answer.json"
    asked.write_text(json.dumps(request))
    job = [sys.executable, "-m", "benchmarks.transfer.one", str(asked), str(answer)]
    launch = [sys.executable, "-I", "-S", str(_REPOSITORY / "benchmarks" / "launch.py"), *job]
    done = subprocess.run(launch, cwd=_REPOSITORY, env=dict(os.environ), capture_output=True, text=True, check=True)
    seconds, processor, kilobytes, _ = json.loads(done.stdout)
    if not answer.is_file():
        raise SystemExit(f"no model was trained; train it by hand: {json.dumps(request)}")
    return seconds, processor, kilobytes, json.loads(answer.read_text())


if __name__ == "__main__":
    main()
