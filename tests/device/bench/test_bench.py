from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.bench.bench import choose_runtimes, choose_threads
from graft_device.bench.figures import Spread
from graft_device.bench.measure import HEIGHT, WIDTH, make_photo, peak_memory_mb
from graft_device.model import read_model
from graft_device.system.machine import usable_cores
from tests.conftest import error_line, graft_device
from tests.device.test_runtime import needs_tflite_runtime
from tests.support.boards import BROKEN, PI_5, write_fake_runtime, write_tree, write_vcgencmd
from tests.support.device_models import picture, write_artifact

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.service  # each measurement is a process of its own
KEYS = {
    "format", "kit_version", "model", "photo", "machine", "versions", "rounds", "warm_up", "thermal", "warnings",
    "rows",
}  # fmt: skip
ROW_KEYS = {
    "runtime", "threads", "cold_start_ms", "preprocess_ms", "invoke_ms", "total_ms", "peak_memory_mb", "label", "error",
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "blue.png"
    picture("blue", (640, 480)).save(path)
    return path


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def check_row(row: dict[str, Any]) -> None:
    assert row.keys() == ROW_KEYS
    assert row["error"] is None
    assert row["label"] == "blue"
    for name in ("preprocess_ms", "invoke_ms", "total_ms"):
        assert 0 < row[name]["median"] <= row[name]["p90"] <= row[name]["p99"]
    assert row["total_ms"]["median"] >= row["preprocess_ms"]["median"]
    assert row["cold_start_ms"] > row["total_ms"]["median"]
    assert 10 < row["peak_memory_mb"] < 2000


@needs_tflite_runtime
def test_each_runtime_and_each_number_of_threads(model: Path, photo: Path) -> None:
    done = graft_device("bench", model, "--photo", photo, "--threads", "sweep", "--rounds", 3, "--json")
    found = figures(done)
    assert found.keys() == KEYS
    threads = choose_threads("sweep", usable_cores())
    pairs = [(runtime, count) for runtime in ("litert", "tflite-runtime") for count in threads]
    assert [(row["runtime"], row["threads"]) for row in found["rows"]] == pairs
    for row in found["rows"]:
        check_row(row)
    notes = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert notes[0] == "litert, 1 thread"
    assert len(notes) == len(pairs)


def test_what_another_program_reads(model: Path, photo: Path) -> None:
    found = figures(
        graft_device("bench", model, "--photo", photo, "--rounds", 1, "--runtime", "litert", "--json", "--threads", 1)
    )
    card = read_model(model).card
    assert (found["format"], found["rounds"]) == (1, 1)
    assert found["model"] == {
        "file": str(model), "bytes": model.stat().st_size, "sha256": found["model"]["sha256"], "labels": 3,
        "family": "mean_colour", "backbone": card.backbone["fingerprint"], "weights": "none", "tap": "mixed0",
        "image_size": 32, "resize": "squash", "quantization": "int8",
    }  # fmt: skip
    assert len(found["model"]["sha256"]) == 64
    assert found["photo"] == {
        "path": str(photo), "width": 640, "height": 480, "bytes": photo.stat().st_size, "synthetic": False,
    }  # fmt: skip
    assert found["versions"].keys() == {"python", "numpy", "pillow", "litert", "tflite-runtime"}
    assert found["versions"]["numpy"] == np.__version__
    assert found["machine"]["cores"] == usable_cores()
    assert found["thermal"].keys() == {"before", "after"}
    (row,) = found["rows"]
    check_row(row)


def test_without_a_photo_a_synthetic_one_is_made(model: Path) -> None:
    done = graft_device("bench", model, "--rounds", 2, "--runtime", "litert", "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("no --photo: creating a synthetic one of 12 megapixels")
    assert f"photo    synthetic, {WIDTH} x {HEIGHT}, " in done.stdout
    assert "colours.tflite: mixed0 at 32, int8, 0.0 MB" in done.stdout
    row = done.stdout.splitlines()[-1].split()
    assert (row[0], row[2]) == ("litert", "1")
    assert row[-1] == "MB"


def test_the_synthetic_photo_is_as_large_as_a_cameras(tmp_path: Path) -> None:
    found = make_photo(str(tmp_path / "camera.jpg"))
    assert found["width"] * found["height"] == pytest.approx(12e6, rel=0.02)
    assert 3e6 < found["bytes"] < 6e6
    assert found["bytes"] == (tmp_path / "camera.jpg").stat().st_size


def test_a_runtime_that_does_not_work_gets_a_row_and_the_others_run(model: Path, photo: Path, tmp_path: Path) -> None:
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = graft_device(
        "bench", model, "--photo", photo, "--rounds", 1, "--threads", 1, "--json",
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    good, bad = json.loads(done.stdout)["rows"]
    check_row(good)
    assert (bad["runtime"], bad["error"], bad["invoke_ms"]) == ("tflite-runtime", "crashes (SIGSEGV)", None)
    assert "error: tflite-runtime, threads 1: crashes (SIGSEGV)" in done.stderr.splitlines()


def test_each_row_uses_the_threads_that_it_reports(
    model: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graft_device.bench.bench import COLD_STARTS, bench

    write_fake_runtime(tmp_path, "tflite_runtime", 32, tmp_path / "log")
    monkeypatch.syspath_prepend(str(tmp_path))
    counts = choose_threads("sweep", usable_cores())
    found = bench(read_model(model), ["tflite-runtime"], counts, 1, photo)
    assert [row.label for row in found.rows] == ["red"] * len(counts)
    opened = (tmp_path / "log").read_text().splitlines()
    assert opened == [f"{count} threads" for count in counts for _ in range(COLD_STARTS + 1)]


def test_photos_that_cannot_be_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a photo")
    picture("red").save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:90])
    for name, reason in {
        "text.jpg": "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image",
        "cut.png": "the image is cut short",
        "none.jpg": "no such file or directory",
    }.items():
        done = graft_device("bench", model, "--photo", tmp_path / name)
        assert error_line(done) == f"error: {tmp_path / name}: {reason}"
        assert done.stdout == ""


def test_a_model_that_cannot_be_used(tmp_path: Path) -> None:
    assert "cannot read model" in error_line(graft_device("bench", tmp_path / "none.tflite"))


@pytest.mark.parametrize("threads", ["0", "many", "1,,2", "", "100000", "-1"])
def test_invalid_threads(threads: str, model: Path) -> None:
    done = graft_device("bench", model, "--threads", threads)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--threads" in done.stderr.splitlines()[-1]


def test_choosing_threads() -> None:
    assert choose_threads(None, 4) == (4,)
    assert choose_threads("sweep", 4) == (1, 2, 4)
    assert choose_threads("sweep", 6) == (1, 2, 4, 6)
    assert choose_threads("sweep", 1) == (1,)
    assert choose_threads("4, 1,4", 4) == (4, 1)
    with pytest.raises(ValueError, match="from 1 to 4"):
        choose_threads("1,5", 4)


def test_choosing_runtimes() -> None:
    assert choose_runtimes(None)[0] == "litert"
    assert choose_runtimes("tflite-runtime") == ("tflite-runtime",)


def test_the_spread_is_numpys() -> None:
    values = list(np.random.default_rng(0).exponential(10, 37))
    spread = Spread.of(values)
    expected = np.percentile(values, [50, 90, 99])
    assert [spread.median, spread.p90, spread.p99] == pytest.approx(expected, abs=1e-3)
    assert Spread.of([7.0]) == Spread(7, 7, 7)


def test_peak_memory(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t  999999 kB\nVmHWM:\t  100000 kB\n")
    assert peak_memory_mb(tmp_path / "status") == 102.4
    assert (peak_memory_mb(tmp_path / "none") or 0) > 10


def test_a_board_that_is_throttled(model: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graft_device.bench.bench import bench

    write_vcgencmd(tmp_path / "tools", "throttled=0x50005")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    found = bench(read_model(model), ["litert"], [1], 1, photo, root=write_tree(tmp_path, PI_5)).to_json()
    assert [warning.split()[0:3] for warning in found["warnings"]] == [
        ["the", "governor", "ondemand"],
        ["the", "board", "was"],
    ]
    assert found["machine"]["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert found["thermal"]["before"]["celsius"] == 54.4
    assert found["thermal"]["after"]["throttled_now"] == ["under-voltage", "throttled"]
    assert found["rows"][0]["error"] is None
    write_tree(tmp_path, BROKEN)
    (tmp_path / "tools" / "vcgencmd").unlink()
    assert bench(read_model(model), [], [1], 1, photo, root=tmp_path).warnings == ()
