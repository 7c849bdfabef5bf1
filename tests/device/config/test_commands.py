"""``graft-device config``: check, init and schema, as a person runs them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from graft_device.config.reading import read_board
from graft_device.config.schema import schema_text
from graft_device.doctor.cameras import Cameras, VideoDevice
from graft_device.doctor.parts import camera_parts
from tests.conftest import error_line, graft_device
from tests.support.board_files import FULL, SMALL
from tests.support.device_models import write_artifact


def test_check_prints_every_mistake_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(FULL.replace("fps = 4", "fps = 0").replace("days = 7", "day = 7"))
    done = graft_device("config", "check", "board.toml", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "board.toml:44: source 'bench': fps 0 is below 0.001",
        "board.toml:105: events: there is no key 'day' in [events]; did you mean 'days'?",
    ]
    assert error_line(done) == "error: board.toml has 2 mistakes"


def test_check_of_a_sound_file_counts_what_is_in_it(tmp_path: Path) -> None:
    write_artifact(tmp_path / "pets.tflite")
    (tmp_path / "board.toml").write_text(SMALL)
    done = graft_device("config", "check", "board.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "board.toml is sound: 1 model, 1 source\n")
    (tmp_path / "board.toml").write_text(FULL)
    done = graft_device("config", "check", "board.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("board.toml is sound: 2 models, 3 sources, 2 regions, 5 sinks, 1 rule, page, events,")
    assert "note: board.toml:13: model 'parts': /srv/models/store does not exist\n" in done.stderr
    assert f"sink 'feeder': there is no program {tmp_path}/feed\n" in done.stderr


def test_check_as_json(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(SMALL.replace("[[model]]", "top-k = 0\n[[model]]"))
    done = graft_device("config", "check", "board.toml", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    mistake = {"line": 1, "what": "top-k 0 is below 1", "remedy": ""}
    assert json.loads(done.stdout) == {"file": "board.toml", "sound": False, "mistakes": [mistake], "notes": []}
    (tmp_path / "board.toml").write_text(SMALL)
    done = graft_device("config", "check", "board.toml", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["sound"], [note["line"] for note in result["notes"]][:1]) == (0, True, [3])


def test_check_of_what_is_no_file(tmp_path: Path) -> None:
    assert (
        error_line(graft_device("config", "check", tmp_path)) == f"error: cannot read {tmp_path}: a folder, not a file"
    )


def test_init_names_the_model_that_is_here_and_its_file_passes_the_check(tmp_path: Path) -> None:
    write_artifact(tmp_path / "my pets.tflite")
    (tmp_path / "other.tflite").write_text("no model")
    done = graft_device("config", "init", cwd=tmp_path, env={**os.environ, "GRAFT_STORE": str(tmp_path / "none")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote board.toml: ")
    board = read_board(tmp_path / "board.toml")
    assert [(model.name, model.file) for model in board.models] == [("my pets", tmp_path / "my pets.tflite")]
    assert graft_device("config", "check", tmp_path / "board.toml").returncode == 0


def test_init_takes_the_store_s_current_model_first(tmp_path: Path) -> None:
    model, store = write_artifact(tmp_path / "pets.tflite"), tmp_path / "store"
    assert graft_device("install", model, "--store", store).returncode == 0
    done = graft_device("config", "init", "--store", store, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["model"] == "store"
    (found,) = read_board(tmp_path / "board.toml").models
    assert (found.name, found.file) == ("pets", store / "current" / "model.tflite")


def test_init_keeps_a_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text("mine")
    done = graft_device("config", "init", cwd=tmp_path)
    assert error_line(done).startswith("error: board.toml already exists; replace it with --overwrite")
    assert (tmp_path / "board.toml").read_text() == "mine"
    assert graft_device("config", "init", "--overwrite", cwd=tmp_path).returncode == 0
    read_board(tmp_path / "board.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["board.toml"]


@pytest.mark.parametrize(("options", "asked", "chosen"), [((), True, "two"), (("--yes",), False, "one")])
def test_init_asks_in_a_terminal_which_model_to_take(
    options: tuple[str, ...], asked: bool, chosen: str, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_artifact(tmp_path / f"{name}.tflite")
    ours, theirs = pty.openpty()
    os.write(ours, b"7\n2\n")
    command = [sys.executable, "-m", "graft_device.cli", "config", "init", "--store", "none", *options]
    done = subprocess.run(command, cwd=tmp_path, stdin=theirs, capture_output=True, text=True, timeout=120, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert ("2  two.tflite  3 labels: " in done.stderr) == asked
    assert [model.name for model in read_board(tmp_path / "board.toml").models] == [chosen]


def test_cameras_that_can_be_opened_come_first() -> None:
    devices = (VideoDevice("/dev/video0", "Closed", usable=False), VideoDevice("/dev/video2", "Open", usable=True))
    cameras = Cameras("0.3", None, True, ("imx708", "imx219"), None, True, devices)
    assert [part.value for part in camera_parts(cameras)] == ["picamera2", "picamera2:1", "/dev/video2", "/dev/video0"]


def test_schema_is_printed_or_written(tmp_path: Path) -> None:
    assert graft_device("config", "schema").stdout == schema_text()
    assert graft_device("config", "schema", "-o", "board.schema.json", cwd=tmp_path).returncode == 0
    assert (tmp_path / "board.schema.json").read_text("utf-8") == schema_text()


def test_an_unknown_command_of_the_group() -> None:
    assert "No such command 'chekc'".lower() in error_line(graft_device("config", "chekc"), 2).lower()
