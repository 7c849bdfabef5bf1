"""Compares bottleneck extraction with Keras, the frozen graph of 2015 and onnxruntime."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks import supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.turns import Contender, ContenderError, finished, once, take_turns

KERAS_GOAL = 4.0
_UNIT = "ms per photo"
_OURS = "ours"
_CALIBRATION_PHOTOS = 100
_KERAS = "Keras `predict`, float32, batches of 32"
_GRAPH = "frozen graph, float32, one photo at a time (2015)"
_ONNX = {"int8": "onnxruntime, int8", "float32": "onnxruntime, float32"}


def measure(settings: Settings) -> list[Row]:
    """Each contender turns the same files into bottlenecks, decoding included."""
    photos = _linked(settings)
    common = {
        "photos": str(photos),
        "weights": settings.weights,
        "tap": settings.tap,
        "image_size": settings.image_size,
        "cores": settings.cores,
    }
    backbone = supplies.described(supplies.backbone(settings), settings.weights)
    contenders = [
        Contender(_OURS, "benchmarks.contenders.features:ours", {**common, "backbone": backbone}),
        Contender(_KERAS, "benchmarks.contenders.features:keras", common),
    ]
    reasons: dict[str, str] = {}
    try:
        graph = str(_graph(settings))
        contenders.append(Contender(_GRAPH, "benchmarks.contenders.features:frozen_graph", {**common, "graph": graph}))
    except ContenderError as error:
        reasons[_GRAPH] = str(error)
    try:
        contenders += _onnx(settings, common)
    except ContenderError as error:
        reasons |= dict.fromkeys(_ONNX.values(), str(error).strip().splitlines()[-1])
    race = take_turns(contenders, settings.scale.turns)
    reasons |= race.missing
    rows = []
    for name in (_KERAS, _GRAPH, *_ONNX.values()):
        what = f"photo files to bottlenecks; against {name}"
        if name in reasons:
            rows.append(missing(what, _UNIT, reasons[name]))
            continue
        note = race.both(_OURS, name, settings.scale.rate_photos)
        if name == _GRAPH and settings.image_size != 299:  # noqa: PLR2004
            note += "; always at 299 pixels"
        rows.append(
            compared(
                what,
                _UNIT,
                race.milliseconds(_OURS, settings.scale.rate_photos),
                race.milliseconds(name, settings.scale.rate_photos),
                goal=KERAS_GOAL if name == _KERAS else None,
                note=note,
                why_worse="probably its kernels for these operators suit this processor better than LiteRT's",
                why_missed="decoding and LiteRT's int8 network use the cores fully (see the next table), and on this "
                "processor int8 is not further ahead of Keras's float32",
            )
        )
    return rows


def _linked(settings: Settings) -> Path:
    """A folder with the photos of a turn in one class, so that all contenders read the same files."""
    folder = settings.scratch / "rate" / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    for index, path in enumerate(supplies.jpegs(settings, settings.scale.rate_photos)):
        copy = folder / f"{index:05}.jpg"
        # Bytes after the end of a JPEG are ignored. They make all files different, so that no bottleneck is cached.
        copy.write_bytes(path.read_bytes() + f"{index:05}".encode())
    return folder.parent


def _graph(settings: Settings) -> Path:
    """Writes the graph; raises ContenderError if the script is missing or fails."""
    tool = settings.graph_tool
    if tool is None or not tool.is_file():
        raise ContenderError("the script that writes a graph like that of 2015 is missing")
    path = settings.scratch / "graph.pb"
    # Its weights are random: they do not affect the time, and the weights' file has other names.
    finished([sys.executable, str(tool), str(path)], "the graph could not be written")
    return path


def _onnx(settings: Settings, common: dict[str, object]) -> list[Contender]:
    folder = settings.scratch / "onnx"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    count = min(_CALIBRATION_PHOTOS, len(set(supplies.jpegs(settings, _CALIBRATION_PHOTOS))))
    photos = [str(path) for path in supplies.jpegs(settings, count)]
    request = {**common, "photos": photos, "folder": str(folder)}
    once("benchmarks.contenders.onnx_files:write", request, settings.onnx)
    return [
        Contender(
            name,
            "benchmarks.contenders.features:onnx",
            {**common, "network": str(folder / f"{kind}.onnx")},
            settings.onnx,
        )
        for kind, name in _ONNX.items()
    ]
