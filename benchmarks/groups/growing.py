"""How the stages and the cache grow with the number of photos."""

from __future__ import annotations

import os
import shutil
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
    rows = [
        _row(what, count, turn.seconds, turn, _first(sizes, taken[stage]))
        for stage, what in names.items()
        for count, turn in zip(sizes, taken[stage], strict=True)
    ]
    return rows + _cache_rows(sizes, taken["cache"])


def _first(sizes: tuple[int, ...], turns: list[Turn]) -> tuple[int, float]:
    return sizes[0], turns[0].seconds


def _row(what: str, count: int, seconds: float, turn: Turn, first: tuple[int, float]) -> Row:
    note = f"{seconds / count * 1e6:,.0f} µs a photo; peak memory {turn.peak:,.0f} MB"
    if count != first[0]:
        note += f"; {seconds / first[1]:,.1f} times the seconds for {count / first[0]:,.0f} times the photos"
    return Row(f"{what}: {count:,} photos", "s", seconds, note=note)


def _cache_rows(sizes: tuple[int, ...], turns: list[Turn]) -> list[Row]:
    parts = {"put": "stored", "look_up": "looked up", "read": "read"}
    rows = []
    for key, name in parts.items():
        first = sizes[0], float(turns[0].found[key])
        for count, turn in zip(sizes, turns, strict=True):
            rows.append(_row(f"cache, bottlenecks {name}", count, float(turn.found[key]), turn, first))
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
