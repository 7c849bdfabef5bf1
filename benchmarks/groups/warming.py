"""Measures ``graft train`` with cached bottlenecks, from the command to the written and tested file."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from benchmarks import supplies
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.turns import ContenderError, finished

LIMIT = 10.0
"""Seconds that a run with another head may take on 2,000 photos with a warm cache."""

UNCHANGED_LIMIT, UNCHANGED_PHOTOS = 1.0, 500
"""Seconds that a run in which nothing changed may take, and on how many photos at most."""

_CROPS = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.2), (0.2, 0.2))  # upper left corners of crops of four fifths of a photo
_KEPT = 0.8
_SETTLING_SECONDS = 3.5  # a photo that changed just now is read each time


def measure(settings: Settings) -> list[Row]:
    """Runs once with nothing cached, then several times with a warm cache: with other heads, and with nothing new."""
    photos = settings.scratch / "warming"
    paths = []
    for path, crop in _crops(settings, settings.scale.warm_photos):
        target = photos / path
        target.parent.mkdir(parents=True, exist_ok=True)
        crop.save(target, quality=90)
        paths.append(path)
    first, cold = _train(settings, photos)
    # Each of these rates is another threshold for unknown photos, and so another file that has to be tested.
    turns = range(settings.scale.long_turns)
    warm = [_train(settings, photos, "--unknown-rate", str(0.06 + turn / 100)) for turn in turns]
    seconds = [wall for wall, _ in warm]
    report = warm[-1][1]
    _check_cached(report)
    what = f"`graft train`, {_count(report):,} photos, warm cache, another head, command to tested file"
    return [
        compared(f"{what}; against the limit", "s", seconds, [LIMIT] * len(seconds), goal=1.0, note=_stages(warm)),
        compared(f"{what}; against the first run", "s", seconds, [first] * len(seconds),
                 note=f"the first run was timed once: {_stages([(first, cold)])}"),
        _unchanged(settings, photos, paths),
    ]  # fmt: skip


def _unchanged(settings: Settings, photos: Path, paths: list[Path]) -> Row:
    """Runs several times on the same photos, a part of all, with the same options."""
    part = settings.scratch / "warming-unchanged"
    for path in paths[:: -(-len(paths) // UNCHANGED_PHOTOS)]:
        (part / path).parent.mkdir(parents=True, exist_ok=True)
        (part / path).hardlink_to(photos / path)
    time.sleep(_SETTLING_SECONDS)
    _train(settings, part)
    runs = [_train(settings, part) for _ in range(settings.scale.starts)]
    _check_cached(runs[0][1])
    seconds = [wall for wall, _ in runs]
    what = f"`graft train`, {_count(runs[-1][1]):,} photos, nothing new, command to tested file; against the limit"
    return compared(what, "s", seconds, [UNCHANGED_LIMIT] * len(seconds), goal=1.0, note=_stages(runs))


def _check_cached(report: dict[str, Any]) -> None:
    """Raises ContenderError unless a run took the backbone and all bottlenecks from the cache."""
    cache = report["cache"]
    if cache["misses"] or cache["backbone"] != "reused":
        raise ContenderError(f"backbone and bottlenecks were not all cached in a warm run: {cache}")


def _count(report: dict[str, Any]) -> int:
    return sum(int(report["photos"][part]) for part in ("train", "validation", "test"))


def _crops(settings: Settings, count: int) -> Iterator[tuple[Path, Image.Image]]:
    """A number of different images, four crops of each photo, with their paths below the folder of photos."""
    sources = supplies.jpegs(settings, -(-count // len(_CROPS)))
    for index in range(count):
        turn, number = divmod(index, len(sources))
        with Image.open(sources[number]) as image:
            photo = image.convert("RGB")
        left, top = (part * side for part, side in zip(_CROPS[turn], photo.size, strict=True))
        box = (left, top, left + _KEPT * photo.width, top + _KEPT * photo.height)
        yield Path(sources[number].parent.name, f"{index:05}.jpg"), photo.crop(box)


def _train(settings: Settings, photos: Path, *options: str) -> tuple[float, dict[str, Any]]:
    """The wall seconds of a run, and its JSON result."""
    graft = Path(sys.executable).with_name("graft")
    command = [str(graft), "train", str(photos), "-o", str(settings.scratch / "warming.tflite"), "--overwrite",
               "--json", "--weights", settings.weights, "--tap", settings.tap, "--image-size", str(settings.image_size),
               "--cache", str(settings.scratch / "warming-cache"), *options]  # fmt: skip
    start = time.perf_counter()
    output = finished(command, "graft train")
    return time.perf_counter() - start, json.loads(output)


def _stages(runs: list[tuple[float, dict[str, Any]]]) -> str:
    """The seconds of each stage of the last run, and the median over all runs for start-up and exit."""
    stages = {name: value for name, value in runs[-1][1]["seconds"].items() if name != "total"}
    rest = median(wall - run["seconds"]["total"] for wall, run in runs)
    return ", ".join(f"{name} {value:.1f}" for name, value in stages.items()) + f"; start-up and exit {rest:.1f}"
