"""A board with several sources, models and regions, opened from settings and run in one loop."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.board.assembly import Board, open_board
from graft_device.board.voice import Voice
from graft_device.config.areas import parse_roi
from graft_device.config.settings import (
    AnswerSettings,
    BoardSettings,
    ModelSettings,
    RegionSettings,
    SourceSettings,
    UncertainSettings,
)
from graft_device.outputs.events import Event
from graft_device.outputs.photo_notes import notes_of
from graft_device.run.watching import watch
from graft_device.system.durable import digest
from graft_device.system.stopping import Stop
from tests.support.device_models import COLOURS, write_artifact
from tests.support.sinks import Calling


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models that name colours in two languages, and two folders with a photo of two colours each."""
    folder = tmp_path_factory.mktemp("board")
    write_artifact(folder / "en.tflite")
    write_artifact(folder / "de.tflite", labels=["rot", "gruen", "blau"])
    for name, left, right in (("door", "red", "blue"), ("yard", "green", "red")):
        pixels = np.empty((48, 64, 3), np.uint8)
        pixels[:, :32], pixels[:, 32:] = COLOURS[left], COLOURS[right]
        (folder / name).mkdir()
        Image.fromarray(pixels).save(folder / name / "photo.png")
    return folder


def settings(folder: Path, **changed: Any) -> BoardSettings:
    models = (ModelSettings("en", folder / "en.tflite"), ModelSettings("de", folder / "de.tflite"))
    left = RegionSettings("left", parse_roi("0,0,0.5,1"), ("en", "de"))
    right = RegionSettings("right", parse_roi("0.5,0,0.5,1"), ("en",), AnswerSettings(top_k=1))
    door = SourceSettings((str(folder / "door"),), "door", once=True, regions=(left, right))
    yard = SourceSettings((str(folder / "yard"),), "yard", once=True, regions=(right,))
    return dataclasses.replace(BoardSettings(models, (door, yard)), **changed)


@contextlib.contextmanager
def opened(given: BoardSettings, events: list[Event]) -> Any:
    calling = Calling(events.append, ends_run=True)
    voice = Voice(print, print, lambda *_: calling, lambda *_: None, lambda _: None)
    with contextlib.ExitStack() as stack:
        yield open_board(given, voice, stack)


def run(board: Board) -> None:
    watch(board.watched, board.outputs(lambda: None), Stop(), print)


def test_each_region_is_seen_by_its_models_and_events_say_which(folder: Path) -> None:
    events: list[Event] = []
    with opened(settings(folder), events) as board:
        run(board)
    found = {(event.source, event.region, event.model, event.view): event.label for event in events}
    assert found == {
        ("door", "left", "en", "door-left-en"): "red",
        ("door", "left", "de", "door-left-de"): "rot",
        ("door", "right", "en", "door-right-en"): "blue",
        ("yard", "right", "en", "yard-right-en"): "red",
    }
    assert sorted(event.seq for event in events) == [1, 2, 3, 4]
    assert {len(event.predictions) for event in events if event.region == "right"} == {1}
    values = next(event for event in events if event.model == "de").to_json()
    assert (values["source"], values["region"], values["model"]) == ("door", "left", "de")


def test_what_is_kept_as_uncertain_is_the_region(folder: Path, tmp_path: Path) -> None:
    with opened(settings(folder, uncertain=UncertainSettings(tmp_path, below=1.0)), []) as board:
        run(board)
    sizes, places, models = [], set(), set()
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(path) as photo:
            sizes.append(photo.size)
            notes = notes_of(photo)
        assert notes is not None
        places.add((notes.source, notes.region))
        models.add(notes.model)
    assert sizes == [(32, 48)] * 4
    assert {source for source, _ in places} == {"door", "yard"}
    assert {region for _, region in places} <= {"left", "right"}
    assert models <= {digest(path)[:16] for path in folder.glob("*.tflite")}


def test_a_model_that_regions_share_is_opened_once(folder: Path) -> None:
    with opened(settings(folder), []) as board:
        looks = [look for one in board.watched for look in one.looks]
        assert len({id(look._classifier) for look in looks}) == 2
