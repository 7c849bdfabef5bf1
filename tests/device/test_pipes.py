"""Named pipes and devices in the place of every file that ``graft-device`` reads: refused, and never waited for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import error_line, graft_device
from tests.support.device_models import picture
from tests.support.running import run_device
from tests.support.stores import write_model

SECONDS = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "m.tflite", 1)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("place", ["pipe", "/dev/zero"])
@pytest.mark.parametrize("command", ["classify", "info", "bench", "run", "serve", "install", "selftest"])
def test_a_model(command: str, place: str, pipe: Path, tmp_path: Path) -> None:
    picture("red").save(tmp_path / "red.png")
    more: dict[str, list[object]] = {
        "classify": [tmp_path / "red.png"],
        "run": ["--source", tmp_path / "red.png"],
        "serve": ["--port", 0],
        "install": ["--store", tmp_path / "store"],
        "selftest": ["--store", tmp_path / "store"],
    }
    name = pipe if place == "pipe" else place
    line = error_line(graft_device(command, name, *more.get(command, []), timeout=SECONDS))
    assert ("a named pipe, not a file" if place == "pipe" else "a device, not a file") in line


def test_a_signature_beside_the_model_or_named(model: Path, pipe: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(model, tmp_path))
    install = ["install", copy, "--store", tmp_path / "store"]
    line = error_line(graft_device(*install, "--signature", pipe, timeout=SECONDS), 4)
    assert f"cannot read the signature {pipe}: a named pipe, not a file" in line
    os.mkfifo(tmp_path / "m.tflite.sig")
    line = error_line(graft_device(*install, timeout=SECONDS), 4)
    assert f"cannot read the signature {copy}.sig: a named pipe, not a file" in line
    (tmp_path / "m.tflite.sig").unlink()
    (tmp_path / "m.tflite.sig").symlink_to("/dev/zero")
    assert "a device, not a file" in error_line(graft_device(*install, timeout=SECONDS), 4)
    (tmp_path / "m.tflite.sig").unlink()
    assert graft_device(*install, timeout=SECONDS).returncode == 0  # and no lock was left


def test_the_allowed_signers(model: Path, pipe: Path, tmp_path: Path) -> None:
    install = ["install", model, "--store", tmp_path / "store"]
    line = error_line(graft_device(*install, "--allowed-signers", pipe, timeout=SECONDS), 4)
    assert f"cannot read the allowed signers {pipe}: a named pipe, not a file" in line
    (tmp_path / "store").mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "store" / "allowed_signers")
    assert "a named pipe, not a file" in error_line(graft_device(*install, timeout=SECONDS), 4)


@pytest.mark.parametrize("name", ["slots/ID/slot.json", "slots/ID/model.tflite.sig", "newest", "switch.json"])
def test_the_files_of_a_store(name: str, model: Path, tmp_path: Path) -> None:
    install = ["install", model, "--store", tmp_path / "store"]
    assert graft_device(*install).returncode == 0
    path = tmp_path / "store" / name.replace("ID", next((tmp_path / "store" / "slots").iterdir()).name)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert graft_device("models", "--store", tmp_path / "store", timeout=SECONDS).returncode in {0, 1}
    assert graft_device(*install, timeout=SECONDS).returncode in {0, 1, 6}
    assert graft_device("rollback", "--store", tmp_path / "store", timeout=SECONDS).returncode == 1


def test_a_photo_and_a_token(model: Path, pipe: Path) -> None:
    done = graft_device("classify", model, pipe, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (1, f"error: {pipe}: a named pipe, not a file\n")
    line = error_line(graft_device("serve", model, "--port", 0, "--token-file", pipe, timeout=SECONDS))
    assert f"cannot read token file {pipe}: a named pipe, not a file" in line


@pytest.mark.parametrize("name", ["events.db", "events.db-wal", "events.db-journal"])
def test_the_files_of_a_queue(name: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "queue").mkdir()
    os.mkfifo(tmp_path / "queue" / name)
    picture("red").save(tmp_path / "red.png")
    where = ["--mqtt", "mqtt://127.0.0.1:1/x", "--queue", tmp_path / "queue"]
    done = run_device(model, "--source", tmp_path / "red.png", *where)
    assert "a named pipe, not a file; choose another --queue" in error_line(done)
