"""A camera is watched, and what ``graft-device drift`` then says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from graft_device.classifier import Classifier
from graft_device.drift.histogram import card_entry
from tests.conftest import graft_device
from tests.support.device_models import make_card, write_artifact
from tests.support.running import drop_photo, running
from tests.support.web_camera import WebCamera, jpeg

FRAMES = 60


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that was tested on photos such as those of the camera."""
    (best, *_) = Classifier(write_artifact(tmp_path / "untested.tflite")).classify(jpeg("red"))
    card = make_card(scores=card_entry([best.score] * 50, 0))
    return write_artifact(tmp_path / "pets.tflite", card=card)


def test_a_run_keeps_the_scores_of_its_camera_for_the_command(model: Path, tmp_path: Path) -> None:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    options = ("--fps", "500", "--limit", FRAMES, "--json")
    with WebCamera() as camera, running(model, "--source", f"{camera.url}/stream", *options, env=env) as job:
        events = [job.event() for _ in range(FRAMES)]
        assert job.process.wait(timeout=60) == 0
    found = json.loads(graft_device("drift", model, "--json", env=env).stdout)
    assert found["recent"]["photos"] == FRAMES
    assert found["recent"]["unknown"] == 0
    assert {day["day"] for day in found["days"]} <= {event["time"][:10] for event in events}
    assert found["index"] == pytest.approx(0, abs=0.01)
    assert found["verdict"].startswith("no drift")


def test_photos_of_a_folder_are_not_counted(model: Path, tmp_path: Path) -> None:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    photo = drop_photo(tmp_path, "red.png", "red")
    done = graft_device("run", model, "--source", photo, env=env)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "state").rglob("*.json"))
