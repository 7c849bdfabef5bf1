"""Measures how time and memory of the stages and the cache grow with the number of photos."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import supplies
from benchmarks.rows import Row
from benchmarks.settings import Settings
from benchmarks.turns import Turn, once

_LENGTH = 768  # of mixed3 to mixed7
_SIDE = 96
_DIFFERENT = 50  # different images; the files are all different
_KEPT = {
    "scanning": "path, digest and size of each photo are kept",
    "extraction": "path, digest, size and position of each photo are kept, but no pixels and no bottlenecks: a photo's "
    "pixels at 299 alone are 268 kB",
    "head": "the bottlenecks are kept in memory, 3.1 kB per photo as float32, and again in the head's own directions",
}
_SORTED = "rows are stored in the order of their hashes, so that more pages of a larger file are rewritten"
_JOBS = "benchmarks.contenders.growing"


def measure(settings: Settings) -> list[Row]:
    """Runs each stage once with each number of photos, in its own process."""
    sizes = settings.scale.growth
    backbone = supplies.described(supplies.small_backbone(settings), "random")
    turns: dict[str, list[Turn]] = {stage: [] for stage in ("scanning", "extraction", "head", "calibration", "cache")}
    for count in sizes:
        photos = _many_photos(settings, count)
        common = {"cores": settings.cores, "scratch": str(settings.scratch), "length": _LENGTH}
        files = {**common, "photos": str(photos), "backbone": backbone}
        for stage, request in (
            ("scanning", files),
            ("extraction", files),
            *((stage, {**common, "photos": count}) for stage in ("head", "calibration", "cache")),
        ):
            turns[stage].append(once(f"{_JOBS}:{stage}", request))
        shutil.rmtree(photos)
    tap, side = settings.growth_backbone
    names = {
        "scanning": "finding, reading and hashing the files",
        "extraction": f"extraction (int8 {tap} at {side}, files of {_SIDE} x {_SIDE} pixels)",
        "head": f"head, 13 penalties (synthetic bottlenecks of {_LENGTH}, 10 classes)",
        "calibration": "temperature and thresholds of its scores (five folds)",
    }
    rows: list[Row] = []
    for stage, what in names.items():
        rows += _grown(what, sizes, turns[stage], [turn.seconds for turn in turns[stage]], _KEPT.get(stage, ""))
    return rows + _cache_rows(sizes, turns["cache"])


def _grown(
    what: str, sizes: Sequence[int], turns: Sequence[Turn], seconds: Sequence[float], why: str = ""
) -> list[Row]:
    """One row per size; the rows after the first note how time and memory grew, and the last one why."""
    rows = []
    for index, (count, turn, duration) in enumerate(zip(sizes, turns, seconds, strict=True)):
        notes = [f"{duration / count * 1e6:,.0f} µs per photo", f"peak memory {turn.peak:,.0f} MB"]
        if index:
            more, slope = count / sizes[0], (turn.peak - turns[0].peak) * 1000 / (count - sizes[0])
            notes.append(f"{duration / seconds[0]:,.1f} times the seconds for {more:,.0f} times the photos")
            notes.append(f"{slope:.1f} kB of memory per additional photo")
        if why and count == sizes[-1]:
            notes.append(why)
        rows.append(Row(f"{what}: {count:,} photos", "s", duration, note="; ".join(notes)))
    return rows


def _cache_rows(sizes: tuple[int, ...], turns: list[Turn]) -> list[Row]:
    parts = {"put": "stored", "look_up": "looked up", "read": "read"}
    rows: list[Row] = []
    for key, name in parts.items():
        why = _SORTED if key == "put" else ""
        seconds = [float(turn.found[key]) for turn in turns]
        rows += _grown(f"cache, bottlenecks {name}", sizes, turns, seconds, why)
    for count, turn in zip(sizes, turns, strict=True):
        per_photo = turn.found["bytes"] / count
        note = f"{per_photo:,.0f} bytes per photo, {_LENGTH} of them for the bottleneck"
        rows.append(Row(f"cache, file: {count:,} photos", "MB", turn.found["bytes"] / 1e6, note=note))
    return rows


def _many_photos(settings: Settings, count: int) -> Path:
    """A number of small JPEGs in two classes; all files are different."""
    folder = settings.scratch / f"many-{count}"
    images = [_jpeg(index) for index in range(_DIFFERENT)]
    for label in ("one", "two"):
        (folder / label).mkdir(parents=True)
    for index in range(count):
        path = folder / ("one", "two")[index % 2] / f"{index:06}.jpg"
        # Bytes after the end of a JPEG are ignored.
        path.write_bytes(images[index % _DIFFERENT] + index.to_bytes(4, "big"))
    os.sync()  # so that pending writes do not affect the measurement
    return folder


def _jpeg(seed: int) -> bytes:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
