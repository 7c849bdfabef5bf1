"""``graft train --fine-tune auto`` with TensorFlow, on photos that a linear head cannot tell apart, and on others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.runtime import installed_runtimes
from graft_host.heads.finished import FinishedHead
from graft_host.support import flatbuffer
from graft_host.support.clock import Clock
from graft_host.support.option import build
from graft_host.training.fine_tuned import fine_tuned
from graft_host.training.grafting import finished_head
from graft_host.training.material import Material, gather
from graft_host.training.options import TrainOptions
from tests.conftest import error_line, graft, graft_json
from tests.support.host_data import write_photos
from tests.support.quiet import QuietReporter
from tests.support.tiny_models import card_in, on_path
from tests.support.tunable_family import install, write_colours, write_weights

PHOTOS = 40  # of each class


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with weights, while the family is installed."""
    folder = tmp_path_factory.mktemp("site")
    write_weights(folder / "weights.npz")
    with on_path(folder / "installed", install(folder / "installed")):
        yield folder


def words(site: Path, photos: Path, model: Path, cache: Path, *more: object) -> list[object]:
    family = ["--backbone", "tunable", "--weights", site / "weights.npz", "--tap", "late"]
    return ["train", photos, "-o", model, *family, "--cache", cache, "--overwrite", *more]


@pytest.fixture(scope="module")
def tuned(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tuned model, what ``graft train`` printed, and the same of a linear head."""
    folder = tmp_path_factory.mktemp("tuned")
    photos = write_colours(folder / "photos", PHOTOS)
    linear = graft_json(*words(site, photos, folder / "linear.tflite", folder / "cache"))
    command = words(site, photos, folder / "tuned.tflite", folder / "cache", "--fine-tune", "auto")
    done = graft(*command, "--json")
    assert done.returncode == 0, done.stderr
    return {"folder": folder, "linear": linear, "report": json.loads(done.stdout), "log": done.stderr, "again": command}


@pytest.mark.slow
def test_a_tail_that_wins_is_kept_and_right_where_a_linear_head_guesses(tuned: dict[str, Any]) -> None:
    report, figures = tuned["report"], tuned["report"]["fine_tuning"]
    assert tuned["linear"]["fine_tuning"] is None
    assert tuned["linear"]["accuracy"]["shipped"] < 0.8
    assert report["accuracy"]["shipped"] > 0.85
    assert figures["kept"]
    assert figures["cut"] == "middle"
    assert figures["photos"] == report["photos"]["train"]
    assert figures["log_loss"]["tuned"] < figures["log_loss"]["linear"]
    assert figures["difference"] > 2 * figures["standard_error"] > 0
    assert figures["seconds"] > 0
    assert figures["memory_mb"] > 100
    assert "held-out photos" in figures["reason"]
    assert "note: fine-tuning the layers behind middle takes up to " in tuned["log"]


@pytest.mark.slow
def test_scores_are_set_on_held_out_photos_alone(tuned: dict[str, Any]) -> None:
    report = tuned["report"]
    assert report["calibration"]["photos"] == report["photos"]["validation"]
    assert "cross_validated" not in report["accuracy"]


@pytest.mark.slow
def test_the_card_names_the_cut_and_the_front_stays_as_it_is(tuned: dict[str, Any]) -> None:
    folder, figures = tuned["folder"], tuned["report"]["fine_tuning"]
    linear, card = card_in(folder / "linear.tflite"), card_in(folder / "tuned.tflite")
    assert card["backbone"]["fine_tuned"] == {
        name: figures[name] for name in ("cut", "photos", "epochs", "log_loss", "difference", "standard_error")
    }
    assert "fine_tuned" not in linear["backbone"]
    assert card["backbone"]["weights_fingerprint"] == linear["backbone"]["weights_fingerprint"]
    assert card["backbone"]["fingerprint"] != linear["backbone"]["fingerprint"]
    before, after = (_constants(folder / f"{name}.tflite") for name in ("linear", "tuned"))
    for name in ("early/kernel", "middle/kernel", "early/bias", "middle/bias"):
        assert before[name] == after[name]
    assert before["late/kernel"] != after["late/kernel"]


def _constants(model: Path) -> dict[str, bytes]:
    unpacked = flatbuffer.unpack(model.read_bytes(), "model")
    return {
        tensor.name.decode(): bytes(unpacked.buffers[tensor.buffer].data)
        for tensor in unpacked.subgraphs[0].tensors
        if unpacked.buffers[tensor.buffer].data is not None
    }


@pytest.mark.slow
def test_both_runtimes_open_it_by_path_and_agree(tuned: dict[str, Any]) -> None:
    model = tuned["folder"] / "tuned.tflite"
    runtimes = [name for name in installed_runtimes() if name != "tensorflow"]
    assert len(runtimes) == 2
    photos = sorted((tuned["folder"] / "photos").rglob("*.png"))[::8]
    scores = [[_scores(Classifier(model, runtime), photo) for photo in photos] for runtime in runtimes]
    np.testing.assert_allclose(scores[0], scores[1], atol=0.03)


def _scores(classifier: Classifier, photo: Path) -> list[float]:
    answer = {entry.label: entry.score for entry in classifier.classify(photo, top_k=2)}
    return [answer[label] for label in sorted(answer)]


@pytest.mark.slow
def test_a_tail_that_went_wrong_in_the_last_training_is_not_kept(tuned: dict[str, Any], site: Path) -> None:
    """The trial is that of the cache; the head on the tail of all photos names the classes the wrong way round."""
    command = tuned["again"]
    options = build(
        TrainOptions,
        {
            "photos": command[1], "output": command[3], "backbone": "tunable", "weights": str(site / "weights.npz"),
            "tap": "late", "cache": tuned["folder"] / "cache", "fine_tune": "auto", "overwrite": True,
        },
    )  # fmt: skip
    reporter, clock = QuietReporter(), Clock()
    material = gather(options, reporter, clock)
    head = finished_head(material, options)

    def finish(wanted: Material) -> FinishedHead:
        right = finished_head(wanted, options)
        wrong = replace(right.head, kernel=-right.head.kernel, bias=-right.head.bias)
        return replace(right, head=wrong)

    good = fine_tuned(material, head, options, lambda wanted: finished_head(wanted, options), reporter, clock)
    bad = fine_tuned(material, head, options, finish, reporter, clock)
    assert good[0] is not material
    assert bad[:2] == (material, head)
    assert good[2] is not None
    assert bad[2] is not None
    assert (good[2].kept, bad[2].kept) == (True, False)
    assert bad[2].comparison == good[2].comparison
    assert "its trial won, but" in bad[2].reason


@pytest.mark.slow
def test_a_second_run_computes_nothing_and_writes_the_same_file(tuned: dict[str, Any]) -> None:
    """TensorFlow cannot even be started in it."""
    model = tuned["folder"] / "tuned.tflite"
    data, blocked = model.read_bytes(), tuned["folder"] / "blocked"
    for name in ("tensorflow", "keras"):
        (blocked / name).mkdir(parents=True, exist_ok=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('no TensorFlow here')\n")
    paths = os.pathsep.join([str(blocked), os.environ["PYTHONPATH"]])
    done = graft(*tuned["again"], "--json", env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert model.read_bytes() == data
    assert report["fine_tuning"] == tuned["report"]["fine_tuning"]
    assert report["cache"]["misses"] == 0
    assert "trial" not in done.stderr


@pytest.mark.slow
def test_a_tail_that_cannot_win_is_not_kept_and_the_file_is_that_of_the_linear_head(site: Path, tmp_path: Path) -> None:
    """The labels are drawn, so there is nothing to learn."""
    photos = write_photos(tmp_path / "photos", count=24)
    linear = graft_json(*words(site, photos, tmp_path / "m.tflite", tmp_path / "cache"))
    data = (tmp_path / "m.tflite").read_bytes()
    done = graft(*words(site, photos, tmp_path / "m.tflite", tmp_path / "cache", "--fine-tune", "auto"))
    assert done.returncode == 0, done.stderr
    assert "fine-tuned not kept: log loss" in done.stdout
    assert (tmp_path / "m.tflite").read_bytes() == data
    assert linear["fine_tuning"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "options", "reason"),
    [
        (6, (), "different training photos, fewer than 12"),
        (24, ("--validation-percent", "0"), "there are no validation photos"),
        (24, ("--tap", "early"), "early leaves no layers that could be trained"),
    ],
)
def test_what_cannot_be_tried_is_said_and_needs_no_training(
    site: Path, tmp_path: Path, count: int, options: tuple[str, ...], reason: str
) -> None:
    photos = write_colours(tmp_path / "photos", count)
    command = words(site, photos, tmp_path / "m.tflite", tmp_path / "cache", "--fine-tune", "auto", *options)
    figures = graft_json(*command)["fine_tuning"]
    assert not figures["kept"]
    assert reason in figures["reason"]
    assert figures["log_loss"] is None


@pytest.mark.slow
def test_without_tensorflow_one_line_names_the_extra(site: Path, tmp_path: Path) -> None:
    photos = write_colours(tmp_path / "photos", 14)
    (tmp_path / "hidden").mkdir()
    hide = "import sys\nfor name in ('tensorflow', 'keras'):\n    sys.modules[name] = None\n"
    (tmp_path / "hidden" / "sitecustomize.py").write_text(hide)
    paths = os.pathsep.join([str(tmp_path / "hidden"), os.environ["PYTHONPATH"]])
    command = words(site, photos, tmp_path / "m.tflite", tmp_path / "cache", "--fine-tune", "auto")
    done = graft(*command, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 1
    assert error_line(done) == (
        "error: fine-tuning needs TensorFlow, which is not installed; install it: pip install 'graftkit[tensorflow]'"
    )
    assert not (tmp_path / "cache" / "backbones").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_a_cache_that_the_next_one_uses(
    tuned: dict[str, Any], tmp_path: Path, number: signal.Signals
) -> None:
    folder, cache = tuned["folder"], tmp_path / "cache"
    shutil.copytree(folder / "cache", cache)
    for record in (cache / "results").glob("tail-*"):  # the last training is to be done again
        record.unlink()
    command = [str(word) for word in tuned["again"]]
    command[command.index("--cache") + 1] = str(cache)
    model = command[command.index("-o") + 1] = str(tmp_path / "m.tflite")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "graft_host.cli", *command],
        stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(scratch)},
    )  # fmt: skip
    _wait(lambda: bool(_children(run.pid)), 300)
    children = _children(run.pid)
    run.send_signal(number)
    run.communicate(timeout=120)
    assert run.returncode != 0
    _wait(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 120)
    assert not Path(model).exists()
    if number == signal.SIGINT:
        assert list(scratch.iterdir()) == []
    again = graft(*command, "--json")
    assert again.returncode == 0, again.stderr
    assert "trial 1" not in again.stderr
    assert Path(model).read_bytes() == (folder / "tuned.tflite").read_bytes()


def _children(pid: int) -> list[int]:
    """The processes of TensorFlow that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            text = path.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == pid and "tail_training" in text:
            found.append(int(path.parent.name))
    return found


def _wait(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)
