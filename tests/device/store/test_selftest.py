from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.model import DamagedError, check_network, read_model
from graft_device.model.golden import GOLDEN_NAME
from graft_device.store.exit_codes import ExitCode
from graft_device.store.pictures import COUNT, render
from graft_device.store.selftest import run_selftest
from tests.conftest import error_line, graft_device
from tests.device.test_runtime import each_kind, each_runtime
from tests.support.device_models import KERNEL, LABELS, write_artifact
from tests.support.stores import write_crashing, write_model, write_wrong


@each_kind
@each_runtime
@pytest.mark.parametrize("photos", [False, True], ids=["pictures", "photos"])
def test_a_model_passes_under_each_runtime(photos: bool, runtime: str, kind: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=photos, kind=kind)
    done = graft_device("selftest", model, "--runtime", runtime, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {
        "model", "passed", "kind", "runtime", "tolerance", "difference", "ms", "reason", "photos", "uid",
    }  # fmt: skip
    assert (found["model"], found["passed"], found["reason"]) == (str(model), True, None)
    assert (found["kind"], found["runtime"]) == ("golden" if photos else "synthetic", runtime)
    assert 0 <= found["difference"] < 0.03
    assert found["ms"] > 0
    assert len(found["photos"]) == 6
    for photo in found["photos"]:
        assert photo.keys() == {"name", "expected", "found", "difference", "passed"}
        assert (photo["passed"], photo["expected"]) == (True, photo["found"])
    if photos:
        assert {photo["expected"] for photo in found["photos"]} == set(LABELS)


def test_other_answers_fail(tmp_path: Path) -> None:
    model = write_wrong(tmp_path / "m.tflite")
    done = graft_device("selftest", model, "--json")
    assert (done.returncode, done.stderr) == (ExitCode.SELFTEST, "")
    found = json.loads(done.stdout)
    assert (found["passed"], found["kind"]) == (False, "synthetic")
    assert found["difference"] > found["tolerance"]
    assert any(photo["expected"] != photo["found"] for photo in found["photos"])
    assert "is right, scores up to 0." in found["reason"]
    done = graft_device("selftest", model)
    assert error_line(done, ExitCode.SELFTEST).endswith(found["reason"])
    assert " was expected, " in done.stdout


def changed(model: Path, change: Any, gain: float = 1.0) -> Path:
    """A model whose golden data were changed."""
    with zipfile.ZipFile(model) as packed:
        raw = json.loads(packed.read(GOLDEN_NAME))
    change(raw)
    return write_model(model, gain, photos=True, change={GOLDEN_NAME: json.dumps(raw).encode()})


def test_scores_within_the_tolerance_pass_and_beyond_it_fail(tmp_path: Path) -> None:
    def shift(by: float) -> Any:
        def change(raw: dict[str, Any]) -> None:
            scores = raw["photos"][2]["scores"]
            best = scores.index(max(scores))
            scores[best] -= by
            scores[best - 1] += by

        return change

    for by, passes in ((0.08, True), (0.12, False)):
        model = write_model(tmp_path / f"m{by}.tflite", photos=True)
        found = run_selftest(changed(model, shift(by)))
        assert found.passed is passes
        assert found.difference == pytest.approx(by, abs=0.01)
        assert [photo["passed"] for photo in found.photos] == [True, True, passes, True, True, True]


@pytest.mark.parametrize(("shift", "passes"), [(0.045, True), (0.085, False)])
def test_another_class_counts_where_the_lead_was_clear(shift: float, passes: bool, tmp_path: Path) -> None:
    """Between scores that are nearly equal any of the two may come first."""

    def swap(raw: dict[str, Any]) -> None:
        raw["tolerance"], raw["photos"] = 0.086, raw["photos"][:1]
        scores = raw["photos"][0]["scores"]
        second, first = sorted(range(3), key=scores.__getitem__)[1:]
        scores[first], scores[second] = scores[first] - shift, scores[second] + shift
        raw["photos"][0]["label"] = LABELS[second]

    found = run_selftest(changed(write_model(tmp_path / "m.tflite", 0.05, photos=True), swap, 0.05))
    assert found.difference is not None
    assert found.difference < 0.086
    assert found.photos[0]["expected"] != found.photos[0]["found"]
    assert found.passed is passes


def test_a_crash_is_the_models_fault_not_the_commands(tmp_path: Path) -> None:
    model = write_crashing(tmp_path / "m.tflite")
    done = graft_device("selftest", model, "--json")
    assert done.returncode == ExitCode.SELFTEST
    found = json.loads(done.stdout)
    assert (found["passed"], found["runtime"], found["kind"]) == (False, None, "plain")
    assert found["reason"]


def test_a_flipped_bit_in_the_network_is_found_before_it_is_run(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True)
    data = bytearray(model.read_bytes())
    data[500_000] ^= 1  # in a buffer that nothing uses: no answer would tell
    model.write_bytes(data)
    line = error_line(graft_device("selftest", model), ExitCode.CHECKSUM)
    assert "is damaged: its network is not the original one; copy it again" in line
    known = read_model(model)
    model.write_bytes(data[: known.network_bytes - 1])
    with pytest.raises(DamagedError):
        check_network(known)


@pytest.mark.parametrize(
    "golden",
    [
        b"not JSON",
        b"[]",
        b'{"format": 2}',
        b'{"format": 1, "network": {"bytes": 1, "sha256": ""}, "tolerance": 0, "photos": []}',
        b'{"format": 1, "network": {"bytes": 1, "sha256": ""}, "tolerance": 0.1, "photos": [{"name": "bare"}]}',
        b'{"format": 1, "network": {"bytes": 1, "sha256": ""}, "tolerance": 0.1, "photos": [{"scores": [1, 0]}]}',
        b'{"format": 1, "network": {"bytes": Infinity, "sha256": ""}, "tolerance": 0.1, "photos": []}',
        (
            b'{"format": 1, "network": {"bytes": 1, "sha256": ""}, "tolerance": 0.1, "photos": '
            b'[{"name": "a", "label": "red", "scores": [NaN, 0, 0], "picture": 0}]}'
        ),
    ],
)
def test_golden_data_of_another_kind(golden: bytes, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", change={GOLDEN_NAME: golden})
    line = error_line(graft_device("selftest", model))
    assert f"{model} has a golden.json that cannot be used" in line


@pytest.mark.parametrize("data", [b"no picture", b""])
def test_a_golden_photo_that_cannot_be_read(data: bytes, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True, change={"golden/2.jpg": data})
    found = run_selftest(model)
    assert not found.passed
    assert found.reason is not None
    assert found.reason.startswith("its golden photo golden/2.jpg cannot be read")


def test_a_model_without_golden_data_is_tested_for_sense(tmp_path: Path) -> None:
    good = run_selftest(write_artifact(tmp_path / "good.tflite"))
    assert (good.passed, good.kind, good.difference) == (True, "plain", None)
    assert "only checked for plausible answers" in graft_device("selftest", tmp_path / "good.tflite").stdout
    for number, words in ((np.nan, "its scores are not numbers"), (np.inf, "its scores are not numbers")):
        kernel = (KERNEL * 0 + number).astype(np.float32)
        bad = run_selftest(write_artifact(tmp_path / "bad.tflite", "float32", kernel=kernel))
        assert not bad.passed
        assert bad.reason is not None
        assert words in bad.reason


def test_without_a_runtime_the_board_is_at_fault(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite")
    hidden = (
        "import sys\nfor name in ('ai_edge_litert', 'tflite_runtime', 'tensorflow'):\n    sys.modules[name] = None\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hidden)
    done = graft_device("selftest", model, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert "no TFLite runtime is installed" in error_line(done, ExitCode.ERROR)


def test_rendered_pictures_are_the_same_everywhere() -> None:
    """The scores of these very pixels are in models out there: a change needs another golden format."""
    found = [hashlib.sha256(render(number, 96).tobytes()).hexdigest()[:12] for number in range(COUNT)]
    assert found == [
        "5df2d0a7c7f9", "62194e7a027b", "62a7bb676fd0", "abe2e2f040a8", "ebe3ed4da98e", "29cda023e076",
    ]  # fmt: skip
    for number in range(COUNT):
        pixels = render(number, 75)
        assert pixels.shape == (75, 75, 3)
        assert pixels.dtype == np.uint8
        assert pixels.std() > 20
