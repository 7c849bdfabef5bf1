"""The page of a real run, with a video as its camera."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from graft_device.sources.base import utc_now
from tests.device.camera_page.test_page_api import size_of
from tests.support.camera_page import parts
from tests.support.clips import Camera, clip
from tests.support.device_models import write_artifact
from tests.support.running import PATIENCE_S, Job, eventually, run_device, running

FILE = """
top-k = {top_k}

[[model]]
name = "colours"
file = "m.tflite"

[[source]]
name = "door"
place = "{place}"
model = "colours"

[http]
listen = "127.0.0.1:0"
"""


def video() -> bytes:
    return clip(["red"] * 25 + ["green"] * 25, kind="mpegts", codec="mpeg2video", size=(320, 240))


def address(job: Job) -> str:
    while (found := re.fullmatch(r"page on (\S+)", job.note())) is None:
        pass
    return found[1]


def fetch(url: str) -> Any:
    return json.loads(urllib.request.urlopen(url, timeout=PATIENCE_S).read())  # noqa: S310


def test_a_run_shows_its_camera_until_it_ends(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    options = ["--http", "127.0.0.1:0", "--keep-events", tmp_path / "events", "--save-uncertain", tmp_path / "kept"]
    with ExitStack() as stack:
        camera = stack.enter_context(Camera(video(), pace_s=0.01))
        job = stack.enter_context(running(model, "--source", camera.url, "--changes", *options))
        url = address(job)
        eventually(lambda: len(fetch(f"{url}/v1/events")["events"]) > 2)
        board = fetch(f"{url}/v1/board")
        assert (board["events"], board["corrections"], board["drift"]) == (True, True, True)
        (source,) = board["sources"]
        assert source["views"][0]["figures"]["classified"] > 2
        assert fetch(f"{url}/healthz")["status"] == "ok"
        stream = urllib.request.urlopen(f"{url}/v1/live/{source['id']}", timeout=PATIENCE_S)  # noqa: S310
        answers, data = next(parts(stream))
        assert answers["views"][0]["label"] in {"red", "green"}
        assert size_of(data) == (320, 240)
        body = json.dumps({"label": "traffic light"}).encode()
        view = source["views"][0]["id"]
        request = urllib.request.Request(  # noqa: S310
            f"{url}/v1/views/{view}/label", body, {"Content-Type": "application/json"}
        )
        saved = json.loads(urllib.request.urlopen(request, timeout=PATIENCE_S).read())["saved"]  # noqa: S310
        assert size_of((tmp_path / "kept" / saved).read_bytes()) == (320, 240)
        assert job.end() == 0
        stream.close()


def test_the_page_and_its_streams_stay_when_the_settings_are_read_again(tmp_path: Path) -> None:
    write_artifact(tmp_path / "m.tflite")
    file = tmp_path / "board.toml"
    with Camera(video(), pace_s=0.01) as camera, ExitStack() as stack:
        file.write_text(FILE.format(top_k=3, place=camera.url))
        job = stack.enter_context(running("--config", file))
        url = address(job)
        stream = stack.enter_context(urllib.request.urlopen(f"{url}/v1/live/door", timeout=PATIENCE_S))  # noqa: S310
        pictures = parts(stream)
        assert len(next(pictures)[0]["views"][0]["predictions"]) == 3
        before = fetch(f"{url}/v1/board")["sources"][0]["figures"]["frames"]
        file.write_text(
            FILE.format(top_k=2, place=camera.url).replace('name = "door"', 'name = "door"\nsize = "320x240"')
        )
        job.process.send_signal(signal.SIGHUP)
        eventually(lambda: camera.opened > 1)
        again = utc_now()
        assert next(answers["time"] for answers, _ in pictures if answers["time"] > again)
        assert fetch(f"{url}/v1/board")["sources"][0]["figures"]["frames"] > before
        assert job.end() == 0


def test_without_the_packages_of_a_server_one_line_says_how_to_install_them(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    patch = (
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'prometheus_client' else real(name, *rest)"
    )
    with running(model, "--source", tmp_path, "--http", "127.0.0.1:0", patch=patch) as job:
        assert re.fullmatch(
            r"error: the server's packages are not installed \(no prometheus_client\); install .*\[serve\]\"",
            job.note(),
        )
        assert job.process.wait(PATIENCE_S) == 1
    done = run_device(model, "--source", tmp_path, "--http", "0.0.0.0:0")
    assert done.stderr.startswith("error: 0.0.0.0 can be reached from the network; give --token-file")
