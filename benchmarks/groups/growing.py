"""How the stages and the cache grow with the number of photos."""

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
_DIFFERENT = 50  # pictures; the files all differ
_STAYS = {
    "scanning": "path, digest and size of every photo stay",
    "extraction": "path, digest and size of every photo and its place among what is to do stay, no pixels and no "
    "bottlenecks: a photo's pixels at 299 alone are 268 kB",
    "head": "the bottlenecks lie in memory, 3.1 kB a photo as float32, and once more in the head's own directions",
}
_SORTED = "rows lie in the order of their hashes, so that a larger file has more of its pages written again"
_JOBS = "benchmarks.contenders.growing"


def measure(settings: Settings) -> list[Row]:
    """Every stage at every size, once, in a process of its own."""
    sizes = settings.scale.growth
    backbone = supplies.described(supplies.small_backbone(settings), "random")
    taken: dict[str, list[Turn]] = {stage: [] for stage in ("scanning", "extraction", "head", "calibration", "cache")}
    for count in sizes:
        photos = _many_photos(settings, count)
        common = {"cores": settings.cores, "scratch": str(settings.scratch), "length": _LENGTH}
        files = {**common, "photos": str(photos), "backbone": backbone}
        for stage, request in (
            ("scanning", files),
            ("extraction", files),
            *((stage, {**common, "photos": count}) for stage in ("head", "calibration", "cache")),
        ):
            taken[stage].append(once(f"{_JOBS}:{stage}", request))
        shutil.rmtree(photos)
    tap, side = settings.growth_backbone
    names = {
        "scanning": "finding, reading and hashing the files",
        "extraction": f"extraction (int8 {tap} at {side}, files of {_SIDE} x {_SIDE} pixels)",
        "head": f"head, 13 penalties (synthetic bottlenecks of {_LENGTH}, 10 classes)",
        "calibration": "calibration of its scores (five folds)",
    }
    rows: list[Row] = []
    for stage, what in names.items():
        rows += _grown(what, sizes, taken[stage], [turn.seconds for turn in taken[stage]], _STAYS.get(stage, ""))
    return rows + _cache_rows(sizes, taken["cache"])


def _grown(
    what: str, sizes: Sequence[int], turns: Sequence[Turn], seconds: Sequence[float], why: str = ""
) -> list[Row]:
    """A row a size; those after the first say how seconds and memory grew, and the last why."""
    rows = []
    for place, (count, turn, took) in enumerate(zip(sizes, turns, seconds, strict=True)):
        notes = [f"{took / count * 1e6:,.0f} µs a photo", f"peak memory {turn.peak:,.0f} MB"]
        if place:
            more, slope = count / sizes[0], (turn.peak - turns[0].peak) * 1000 / (count - sizes[0])
            notes.append(f"{took / seconds[0]:,.1f} times the seconds for {more:,.0f} times the photos")
            notes.append(f"{slope:.1f} kB of memory for each photo more")
        if why and count == sizes[-1]:
            notes.append(why)
        rows.append(Row(f"{what}: {count:,} photos", "s", took, note="; ".join(notes)))
    return rows


def _cache_rows(sizes: tuple[int, ...], turns: list[Turn]) -> list[Row]:
    parts = {"put": "stored", "look_up": "looked up", "read": "read"}
    rows: list[Row] = []
    for key, name in parts.items():
        why = _SORTED if key == "put" else ""
        seconds = [float(turn.found[key]) for turn in turns]
        rows += _grown(f"cache, bottlenecks {name}", sizes, turns, seconds, why)
    for count, turn in zip(sizes, turns, strict=True):
        each = turn.found["bytes"] / count
        note = f"{each:,.0f} bytes a photo, {_LENGTH} of them the bottleneck"
        rows.append(Row(f"cache, file: {count:,} photos", "MB", turn.found["bytes"] / 1e6, note=note))
    return rows


def _many_photos(settings: Settings, count: int) -> Path:
    """So many small JPEGs in two classes, no two files alike."""
    folder = settings.scratch / f"many-{count}"
    pictures = [_picture(index) for index in range(_DIFFERENT)]
    for label in ("one", "two"):
        (folder / label).mkdir(parents=True)
    for index in range(count):
        path = folder / ("one", "two")[index % 2] / f"{index:06}.jpg"
        # What follows the end of a JPEG is no part of the picture.
        path.write_bytes(pictures[index % _DIFFERENT] + index.to_bytes(4, "big"))
    os.sync()  # what is still to be written shall not weigh on what is measured
    return folder


def _picture(seed: int) -> bytes:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
