"""Models that crash, hang or take gigabytes: they are refused, and nothing else ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from graft_device.errors import ModelError
from graft_device.store.exit_codes import ExitCode
from graft_device.trial import trial
from graft_device.trial.copies import copied
from tests.conftest import error_line, graft_device
from tests.device.test_runtime import each_runtime
from tests.support.device_models import picture, write_artifact
from tests.support.hostile_models import NETWORK, write_crasher, write_files, write_hungry, write_slow
from tests.support.running import drop_photo, running
from tests.support.serving import serving

HOSTILE = pytest.mark.parametrize("write", [write_crasher, write_hungry], ids=["crash", "memory"])


@each_runtime
@HOSTILE
def test_a_hostile_model_is_refused(write: Callable[[Path], Path], runtime: str, tmp_path: Path) -> None:
    model = write(tmp_path / "m.tflite")
    assert model.stat().st_size < 5000
    with copied(model) as copy, pytest.raises(ModelError) as caught:
        trial.try_copy(copy, model, runtime)
    line = str(caught.value)
    assert line.startswith(f"{model} ")
    assert len(line.splitlines()) == 1
    assert "/proc/" not in line


def test_a_model_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TIMEOUT_S", 5)
    model = write_slow(tmp_path / "m.tflite")
    with copied(model) as copy, pytest.raises(ModelError, match="fails when it is tried: gave no answer within 5 sec"):
        trial.try_copy(copy, model, "litert")
    with copied(model) as copy, pytest.raises(ModelError, match="was stopped"):
        trial.try_copy(copy, model, "litert", lambda: True)


@each_runtime
def test_a_sound_model_passes(runtime: str, tmp_path: Path) -> None:
    for number, kind in enumerate(("int8", "float32")):
        model = write_artifact(tmp_path / f"{number}.tflite", kind)
        with copied(model) as copy:
            found = trial.try_copy(copy, model, runtime)
        assert (found.path, found.labels) == (model, ("red", "green", "blue"))


def test_a_model_without_checksum_is_tried_before_it_is_opened(tmp_path: Path) -> None:
    picture("red").save(tmp_path / "red.png")
    bad = write_files(tmp_path / "bad.tflite", {}, NETWORK[:8] + b"\xff" * (len(NETWORK) - 8))
    # What a real interpreter does with such a file depends on what else is in memory; this one always crashes.
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    crashing = {**os.environ, "PYTHONPATH": path}
    for args in (
        ["classify", bad, tmp_path / "red.png"], ["run", bad, "--source", tmp_path / "red.png"], ["serve", bad],
        ["bench", bad],
    ):  # fmt: skip
        for runtime in ["tflite-runtime"] if args[0] != "bench" else []:
            line = error_line(graft_device(*args, "--runtime", runtime, env=crashing))
            assert f"{bad} fails when it is tried: crashes (SIG" in line
        assert str(bad) in error_line(graft_device(*args))
    sound = write_artifact(tmp_path / "m.tflite", checksum=False)
    note = f"note: {sound} has no checksum of its network, so damage may go unnoticed; train it again to add one\n"
    done = graft_device("classify", sound, tmp_path / "red.png")
    assert (done.returncode, done.stderr) == (0, note)
    assert ": red" in done.stdout
    done = graft_device("run", sound, "--source", tmp_path / "red.png")
    assert (done.returncode, done.stderr) == (0, note)
    assert note in graft_device("selftest", sound).stderr
    assert note in graft_device("install", sound, "--store", tmp_path / "store").stderr


@HOSTILE
def test_a_run_goes_on_with_its_model(write: Callable[[Path], Path], tmp_path: Path) -> None:
    model, photos = write_artifact(tmp_path / "m.tflite"), tmp_path / "photos"
    photos.mkdir()
    with running(model, "--source", photos, "--existing", "--json") as job:
        drop_photo(photos, "1.png", "red")
        assert job.event()["label"] == "red"
        os.replace(write(tmp_path / "bad.tflite"), model)  # noqa: PTH105
        job.process.send_signal(signal.SIGHUP)
        line = job.note()
        assert line.startswith(f"note: {model} ")
        assert line.endswith("; the old model stays in use")
        drop_photo(photos, "2.png", "green")
        assert job.event()["label"] == "green"
        assert job.end() == 0


def test_a_run_goes_on_while_a_model_does_not_end(tmp_path: Path) -> None:
    model, photos = write_artifact(tmp_path / "m.tflite"), tmp_path / "photos"
    photos.mkdir()
    with running(model, "--source", photos, "--existing", "--json", "--runtime", "litert") as job:
        drop_photo(photos, "1.png", "red")
        assert job.event()["label"] == "red"
        os.replace(write_slow(tmp_path / "bad.tflite"), model)  # noqa: PTH105
        job.process.send_signal(signal.SIGHUP)
        for number in range(2, 6):
            drop_photo(photos, f"{number}.png", "green")
            assert job.event()["label"] == "green"
        assert job.end() == 0
        assert job.rest() == []


@HOSTILE
def test_a_server_goes_on_with_its_model(write: Callable[[Path], Path], tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    with serving(model) as server:
        os.replace(write(tmp_path / "bad.tflite"), model)  # noqa: PTH105
        server.send(signal.SIGHUP)
        line = server.wait_for("error:")
        assert line.startswith(f"error: {model} ")
        assert line.endswith("; the old model stays in use")
        assert server.get("/healthz").json()["status"] == "ok"
        write_artifact(model, labels=["a", "b", "c"])
        server.send(signal.SIGHUP)
        server.wait_for("model reopened")
        assert server.get("/v1/model").json()["labels"] == ["a", "b", "c"]


def test_a_server_ends_while_a_model_does_not(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    with serving(model, "--runtime", "litert") as server:
        os.replace(write_slow(tmp_path / "bad.tflite"), model)  # noqa: PTH105
        server.send(signal.SIGHUP)
        for _ in range(20):
            assert server.get("/healthz").json()["status"] == "ok"
        assert server.end() == 0


@HOSTILE
def test_a_hostile_model_is_not_installed(write: Callable[[Path], Path], tmp_path: Path) -> None:
    model, store = write(tmp_path / "m.tflite"), tmp_path / "store"
    line = error_line(graft_device("install", model, "--store", store), ExitCode.SELFTEST)
    assert line.startswith(f"error: {model} fails its self-test on this board: ")
    assert not (store / "current").exists()
