"""Compares making an int8 backbone with TensorFlow's converter and with ai-edge-quantizer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.startup import Cost
from benchmarks.startup import measure as measure_command
from benchmarks.turns import Contender, Race, environment, once, take_turns
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS

_JOBS = "benchmarks.contenders.making"
_OURS = "graftkit"
_OTHERS = {"converter": "TensorFlow's converter", "quantizer": "ai-edge-quantizer"}
_PHOTOS = {_OURS: MAX_CALIBRATION_PHOTOS, "converter": 100, "quantizer": 100}
"""Photos that the ranges are measured on. The others leave no headroom: with as few as ours they would clip more."""

_TESTED = 100  # photos that no range was measured on


def measure(settings: Settings) -> list[Row]:
    """Makes the backbone by turns; then compares the files."""
    contenders = [
        Contender(name, f"{_JOBS}:{name}", _request(settings, name), _packages(settings, name)) for name in _PHOTOS
    ]
    race = take_turns(contenders, settings.scale.long_turns, warm_up=0)
    ready = [name for name in _PHOTOS if name not in race.missing]
    whole = _from_start_to_exit(settings, ready)
    ratios = _ratios(settings, ready)
    rows = []
    for name, title in _OTHERS.items():
        what = f"weights to int8 backbone; against {title}"
        if name in race.missing:
            rows.append(missing(what, "s", race.missing[name]))
        else:
            rows += _rows(what, name, race, whole, ratios)
    return rows


def _rows(what: str, name: str, race: Race, whole: dict[str, list[Cost]], ratios: dict[str, list[float]]) -> list[Row]:
    pair = _OURS, name
    photos = " against ".join(str(_PHOTOS[each]) for each in pair)
    loaded = (
        f"everything imported and photos decoded; {photos} photos; {race.both(*pair, 1)}; the first turn is counted"
    )
    busy = [median(cost.processor for cost in whole[each]) for each in pair]
    decibels = [median(ratios[each]) for each in pair]
    noise = [[100 * 10 ** (-ratio / 20) for ratio in ratios[each]] for each in pair]
    sizes = [[race.last(each).found["bytes"] / 1e6] for each in pair]
    return [
        compared(what, "s", race.seconds(_OURS), race.seconds(name), note=loaded),
        compared(
            f"{what}: start to exit",
            "s",
            *([cost.seconds for cost in whole[each]] for each in pair),
            note=f"imports and decoding included; processor {busy[0]:.1f} s against {busy[1]:.1f} s",
        ),
        compared(f"{what}: peak memory", "MB", *([cost.megabytes for cost in whole[each]] for each in pair)),
        compared(f"{what}: file", "MB", *sizes),
        compared(
            f"{what}: noise of the bottleneck",
            "% of the signal",
            *noise,
            note=f"SQNR {decibels[0]:.1f} dB against {decibels[1]:.1f} dB, medians of {len(noise[0])} photos that no "
            "range was measured on; pairs are photos here",
        ),
    ]


def _request(settings: Settings, name: str) -> dict[str, Any]:
    return {
        "weights": settings.weights,
        "tap": settings.tap,
        "image_size": settings.image_size,
        "photos": _photos(settings, _PHOTOS[name]),
        "threads": settings.cores,
        "output": str(_output(settings, name)),
    }


def _photos(settings: Settings, count: int, after: int = 0) -> list[str]:
    return [str(path) for path in supplies.jpegs(settings, after + count)[after:]]


def _output(settings: Settings, name: str) -> Path:
    return settings.scratch / f"{name}.tflite"


def _packages(settings: Settings, name: str) -> Path | None:
    return settings.quantizer if name == "quantizer" else None


def _from_start_to_exit(settings: Settings, names: list[str]) -> dict[str, list[Cost]]:
    """The costs of each process that makes a backbone, by turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for _ in range(settings.scale.long_turns):
        for name in names:
            command = [sys.executable, "-m", _JOBS, name, json.dumps(_request(settings, name))]
            costs[name].append(measure_command(command, environment(_packages(settings, name))))
    return costs


def _ratios(settings: Settings, names: list[str]) -> dict[str, list[float]]:
    """The SQNR in dB of each photo's bottleneck, by contender."""
    request = {
        **_request(settings, _OURS),
        "photos": _photos(settings, _TESTED, after=max(_PHOTOS.values())),
        "files": {name: str(_output(settings, name)) for name in names},
    }
    return once(f"{_JOBS}:noise", request).found
