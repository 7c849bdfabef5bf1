"""Compares fusing with a conversion of the whole network."""

from __future__ import annotations

from benchmarks import supplies
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.turns import Contender, take_turns
from graft_device.runtime import open_model

GOAL = 50.0
_CALIBRATION_PHOTOS = 100
_CLASSES = 5
_OURS, _THEIRS = "fuse", "converter"


def measure(settings: Settings) -> list[Row]:
    """Fuses a head and a cached backbone, and converts the same network as a whole."""
    backbone = supplies.backbone(settings)
    request = {
        "backbone": supplies.described(backbone, settings.weights),
        "weights": settings.weights,
        "tap": settings.tap,
        "image_size": settings.image_size,
        "classes": _CLASSES,
        "length": open_model(backbone.path, threads=1).output.shape[1],
        "photos": [str(path) for path in supplies.jpegs(settings, _CALIBRATION_PHOTOS)],
    }
    contenders = [
        Contender(_OURS, "benchmarks.contenders.fusing:fuse", request),
        Contender(_THEIRS, "benchmarks.contenders.fusing:convert", request),
    ]
    race = take_turns(contenders, settings.scale.long_turns, warm_up=0)
    sizes = " against ".join(f"{race.last(name).found['bytes'] / 1e6:.1f} MB" for name in (_OURS, _THEIRS))
    note = f"file {sizes}; {race.both(_OURS, _THEIRS, 1)}; the converter's imports and decoding are not counted"
    note += "; the first turn is counted"
    what = f"new head to int8 file, {_CLASSES} classes; against a conversion of the whole network"
    return [compared(what, "s", race.seconds(_OURS), race.seconds(_THEIRS), goal=GOAL, note=note)]
