"""Cameras as they are: RTSP servers that hang, streams that break the rules, USB cameras with formats of their own."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.run.readers import Newest
from graft_device.sources import Frame, Source, SourceOptions, cameras, open_source
from graft_device.sources.live import Live
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Stop
from tests.support.device_models import COLOURS, write_artifact
from tests.support.rtsp_camera import RtspCamera
from tests.support.running import PATIENCE_S, eventually, running


def opened(place: str, notes: list[str], **options: Any) -> Source:
    return open_source([place], SourceOptions(**options), notes.append)


def taken(source: Source, count: int) -> list[Frame]:
    """The first frames of a source."""
    frames: list[Frame] = []
    with contextlib.closing(source.frames(Stop())) as turns:  # type: ignore[type-var]
        for frame in turns:
            if frame is not None:
                frames.append(frame)
            if len(frames) == count:
                break
    return frames


def colour(frame: Frame) -> str:
    mean = np.asarray(frame.load(), np.float64).mean((0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


# RTSP


def test_an_rtsp_camera_gives_its_frames_over_tcp() -> None:
    with RtspCamera() as camera:
        frames = taken(opened(camera.url, []), 5)
    assert [colour(frame) for frame in frames] == ["red"] * 5
    assert np.asarray(frames[0].load()).shape == (64, 64, 3)


@pytest.mark.parametrize("moment", ["OPTIONS", "DESCRIBE", "PLAY", "frames"])
def test_an_rtsp_camera_that_hangs_is_given_up_and_tried_again(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "TIMEOUT_S", 0.5)
    notes: list[str] = []
    with RtspCamera() as camera:
        camera.hangs = moment
        source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.01, 0.05))
        with Newest(source) as newest:
            eventually(lambda: camera.opened >= 2)
            assert "no data for 0.5 seconds" in notes[0], notes
            camera.hangs, camera.colour = "", "blue"
            frames = iter(lambda: newest.take(PATIENCE_S), None)
            assert any(colour(frame) == "blue" for frame in frames)
    assert notes[-1] == f"camera is {'back' if moment == 'frames' else 'there'}"


def test_a_run_with_a_camera_that_hangs_ends_when_it_should(tmp_path: Path) -> None:
    """The camera takes the connection and says nothing; the limit for that is ten seconds."""
    model = write_artifact(tmp_path / "colours.tflite")
    with RtspCamera() as camera:
        camera.hangs = "DESCRIBE"
        with running(model, "--source", camera.url) as job:
            eventually(lambda: camera.opened >= 1)
            started = time.monotonic()
            assert job.end(signal.SIGTERM) == 0
            assert time.monotonic() - started < cameras.TIMEOUT_S


def test_an_rtsp_camera_that_wants_a_password_and_gets_none() -> None:
    notes: list[str] = []
    with RtspCamera() as camera:
        camera.authorized = False
        source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.01, 0.05))
        with Newest(source) as newest:
            eventually(lambda: bool(notes))
            camera.authorized = True
            assert newest.take(PATIENCE_S) is not None
    assert "401 unauthorized" in notes[0]
    assert notes[-1] == "camera is there"
