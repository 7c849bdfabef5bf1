"""``graft-device run --on-motion`` on a video: which of its frames are classified."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.motion.scenes import Sensor, Thing, room
from graft_device.run.motion import LINGER_S
from tests.support.clips import write_video
from tests.support.device_models import COLOURS, write_artifact
from tests.support.running import run_device

SIZE = (160, 120)
RATE, COMES_S, LEAVES_S, END_S = 4, 12.0, 16.0, 30.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red thing crosses the right half of a grey room."""
    rng = np.random.default_rng(1)
    view, sensor = room(rng, SIZE, "textured"), Sensor(rng, SIZE, 3)
    red = Thing(np.full((60, 40, 3), COLOURS["red"], np.float32), np.ones((60, 40), np.float32))
    frames = []
    for number in range(int(END_S * RATE)):
        now = number / RATE
        shown = red.on(view, 90 + 3 * (now - COMES_S), 30) if COMES_S <= now < LEAVES_S else view
        frames.append(sensor(shown))
    return write_video(tmp_path_factory.mktemp("video") / "room.mp4", frames, SIZE, RATE)


def positions(*args: object) -> list[float]:
    done = run_device(*args, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["position"] for line in done.stdout.splitlines()]


def test_only_frames_with_motion_and_soon_after_it_are_classified(model: Path, video: Path) -> None:
    every = positions(model, "--source", video)
    assert len(every) == END_S * RATE
    seen = positions(model, "--source", video, "--on-motion")
    assert set(seen) <= set(every)
    first = [position for position in seen if position < COMES_S]
    assert first == [position for position in every if position <= LINGER_S]
    then = [position for position in seen if position >= COMES_S]
    assert then == [position for position in every if COMES_S <= position <= then[-1]]
    assert LEAVES_S + LINGER_S - 0.5 <= then[-1] <= LEAVES_S + LINGER_S + 0.5


def test_a_still_view_is_classified_now_and_then(model: Path, video: Path) -> None:
    seen = positions(model, "--source", video, "--on-motion", "--at-least-every", 3)
    assert [position for position in seen if LINGER_S < position < COMES_S] == pytest.approx([8, 11])


def test_a_region_has_a_gate_of_its_own(model: Path, video: Path) -> None:
    seen = positions(model, "--source", video, "--on-motion", "--roi", "0,0,0.5,1")
    assert max(seen) <= LINGER_S
