"""Makes the settings of a run from a file without mistakes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from graft_device.config.entries import Entry
from graft_device.config.file_keys import HttpKeys
from graft_device.config.references import models_of, places_of
from graft_device.config.settings import (
    AnswerSettings,
    BoardSettings,
    CaptureSettings,
    EventsSettings,
    HttpSettings,
    ModelSettings,
    RegionSettings,
    SourceSettings,
    UncertainSettings,
)
from graft_device.config.sinks import RuleSettings, SinkSettings
from graft_device.config.tables import SINKS
from graft_device.system.urls import scheme

SENSITIVITY = 0.5
"""Of ``on-motion = true``."""

_ANSWERS = frozenset(field.name for field in fields(AnswerSettings))
_AS_THEY_ARE = ("name", "size", "existing", "once", "required", "at_least_every")
_CAMERA = "picamera2"


def build(board: Entry, folder: Path) -> BoardSettings:
    """The settings that a file gives.

    Args:
        board: the whole file, without mistakes.
        folder: where it is.
    """
    models = tuple(_model(entry) for entry in board.of("model"))
    return BoardSettings(
        models=models,
        sources=tuple(_source(entry, board, models, folder) for entry in board.of("source")),
        sinks=tuple(_sink(entry, folder) for entry in board.of("sink")),
        rules=tuple(RuleSettings(**entry.values) for entry in board.of("rule")),
        http=next((_http(entry) for entry in board.of("http")), None),
        events=next((EventsSettings(**entry.values) for entry in board.of("events")), None),
        uncertain=next((UncertainSettings(**entry.values) for entry in board.of("uncertain")), None),
        capture=next((CaptureSettings(**entry.values) for entry in board.of("capture")), None),
    )


def _model(entry: Entry) -> ModelSettings:
    current = entry.values["file"] / "current" / "model.tflite"  # as the commands take a store for its current model
    is_there = os.path.isfile(current)  # noqa: PTH113  false for a name that is too long, on which Path raises
    return ModelSettings(**{**entry.values, **({"file": current} if is_there else {})})


def _source(entry: Entry, board: Entry, models: tuple[ModelSettings, ...], folder: Path) -> SourceSettings:
    values = entry.values
    motion = values.get("on_motion", False)
    sensitivity = SENSITIVITY if motion is True else None if motion is False else float(motion)
    return SourceSettings(
        places=tuple(_place(place, folder) for place in places_of(entry)),
        interval=values.get("every") or (1 / values["fps"] if "fps" in values else 0.0),
        on_motion=sensitivity,
        masks=values.get("mask", ()),
        regions=tuple(_regions(entry, board, models)),
        **{name: values[name] for name in _AS_THEY_ARE if name in values},
    )


def _regions(source: Entry, board: Entry, models: tuple[ModelSettings, ...]) -> Iterator[RegionSettings]:
    usual = models_of(source) or tuple(model.name for model in models)
    inherited = {**_answers(board.values), **_answers(source.values)}
    regions = source.of("region")
    for region in regions:
        answers = AnswerSettings(**{**inherited, **_answers(region.values)})
        yield RegionSettings(region.values["name"], region.values["roi"], models_of(region) or usual, answers)
    if not regions:
        yield RegionSettings(models=usual, answers=AnswerSettings(**inherited))


def _answers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in _ANSWERS}


def _place(place: str, folder: Path) -> str:
    """A place as ``--source`` has it; a relative path is beside the file."""
    elsewhere = scheme(place) or place.partition(":")[0] == _CAMERA
    return place if elsewhere else str(folder / place)


def _sink(entry: Entry, folder: Path) -> SinkSettings:
    values = {name: value for name, value in entry.values.items() if name != "kind"}
    if "command" in values:
        program, *arguments = values["command"]
        values["command"] = (str((folder / program).absolute()) if "/" in program else program, *arguments)
    sink: SinkSettings = SINKS[entry.values["kind"]](**values)
    return sink


def _http(entry: Entry) -> HttpSettings:
    values = dict(entry.values)
    address = values.pop("listen")
    shared = {field.name for field in fields(HttpKeys)} & {field.name for field in fields(HttpSettings)}
    return HttpSettings(address.host, address.port, **{name: values[name] for name in values if name in shared})
