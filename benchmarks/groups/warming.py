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
"""Seconds that a warm run on 2,000 photos may take."""

_CROPS = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.2), (0.2, 0.2))  # upper left corners of crops of four fifths of a photo
_KEPT = 0.8


def measure(settings: Settings) -> list[Row]:
    """Runs once with nothing cached, then several times with a warm cache."""
    photos = settings.scratch / "warming"
    for path, crop in _crops(settings, settings.scale.warm_photos):
        target = photos / path
        target.parent.mkdir(parents=True, exist_ok=True)
        crop.save(target, quality=90)
    first, cold = _train(settings, photos)
    warm = [_train(settings, photos) for _ in range(settings.scale.long_turns)]
    seconds = [wall for wall, _ in warm]
    report = warm[-1][1]
    count = sum(report["photos"][part] for part in ("train", "validation", "test"))
    if report["cache"]["misses"]:
        raise ContenderError(f"{report['cache']['misses']} bottlenecks were not cached in a warm run")
    what = f"`graft train`, {count:,} photos, warm cache, command to tested file"
    rest = median(wall - run["seconds"]["total"] for wall, run in warm)
    return [
        compared(f"{what}; against the limit", "s", seconds, [LIMIT] * len(seconds), goal=1.0,
                 note=f"{_stages(report)}; start-up and exit {rest:.1f}"),
        compared(f"{what}; against the first run", "s", seconds, [first] * len(seconds),
                 note=f"the first run was timed once: {_stages(cold)}"),
    ]  # fmt: skip


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


def _train(settings: Settings, photos: Path) -> tuple[float, dict[str, Any]]:
    """The wall seconds of a run, and its JSON result."""
    graft = Path(sys.executable).with_name("graft")
    command = [str(graft), "train", str(photos), "-o", str(settings.scratch / "warming.tflite"), "--overwrite",
               "--json", "--weights", settings.weights, "--tap", settings.tap, "--image-size", str(settings.image_size),
               "--cache", str(settings.scratch / "warming-cache")]  # fmt: skip
    start = time.perf_counter()
    output = finished(command, "graft train")
    return time.perf_counter() - start, json.loads(output)


def _stages(report: dict[str, Any]) -> str:
    stages = {name: value for name, value in report["seconds"].items() if name != "total"}
    return ", ".join(f"{name} {value:.1f}" for name, value in stages.items())
