"""Compares the int8 network with the one that TensorFlow's converter writes, with both runtimes."""

from __future__ import annotations

from pathlib import Path

from benchmarks import supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.setups import Setup, setups
from benchmarks.turns import ContenderError, once, take_turns
from graft_host.backbones.bottlenecks.workers import MANY, fastest

_PHOTOS = 32  # that the ranges of the converter's file are measured on: they have no effect on time
_OURS, _EXTRACTING, _THEIRS = "ours", "as extraction runs it", "converter"
_GOALS = {("litert", 1): 1 / 0.85, ("litert", 2): 1 / 0.75, ("tflite-runtime", 1): 1.0, ("tflite-runtime", 2): 1.0}
"""15% and 25% less time with LiteRT; no more with tflite-runtime."""


def measure(settings: Settings) -> list[Row]:
    """Compares one run of the network on one photo."""
    what = "one inference, {}; against the converter's file"
    try:
        converted = _converted(settings)
    except ContenderError as error:
        return [missing(what.format(setup), "ms", str(error)) for setup in setups(settings)]
    backbone = supplies.backbone(settings).path
    with fastest(backbone, MANY) as extracting:
        files = {_OURS: backbone, _EXTRACTING: extracting, _THEIRS: converted}
        race = take_turns(
            [
                setup.contender(settings, _name(kind, setup), file)
                for setup in setups(settings)
                for kind, file in files.items()
                if kind != _EXTRACTING or setup.runtime == "litert"
            ],
            settings.scale.turns,
        )
    rows = []
    for setup in setups(settings):
        for kind in (_OURS, _EXTRACTING) if setup.runtime == "litert" else (_OURS,):
            ours, theirs = _name(kind, setup), _name(_THEIRS, setup)
            shown = f"{setup}, {kind}" if kind == _EXTRACTING else str(setup)
            if reason := race.missing.get(ours) or race.missing.get(theirs):
                rows.append(missing(what.format(shown), "ms", reason))
                continue
            rows.append(
                compared(
                    what.format(shown),
                    "ms",
                    race.milliseconds(ours, settings.scale.invokes),
                    race.milliseconds(theirs, settings.scale.invokes),
                    goal=_GOALS[setup.runtime, setup.threads],
                    note=race.both(ours, theirs, settings.scale.invokes),
                )
            )
    return rows


def _name(kind: str, setup: Setup) -> str:
    return f"{kind}, {setup}"


def _converted(settings: Settings) -> Path:
    """The converter's file; raises ContenderError if TensorFlow is missing."""
    path = settings.scratch / "converter.tflite"
    if not path.exists():
        photos = [str(photo) for photo in supplies.jpegs(settings, _PHOTOS)]
        request = {
            "weights": settings.weights,
            "tap": settings.tap,
            "image_size": settings.image_size,
            "photos": photos,
            "output": str(path),
        }
        once("benchmarks.contenders.making:converter", request)
    return path
