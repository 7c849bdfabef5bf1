"""``graft search`` as a person runs it: on rendered parts and a shallow random backbone, and on real photos."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.split_rule import SplitRule
from tests.conftest import Trained, error_line, graft, graft_device, graft_json
from tests.support.few_photos import few_photos
from tests.support.host_data import run_on_small_disk

pytestmark = pytest.mark.slow

GRID = ("--taps", "mixed1,mixed0", "--sizes", "100,75")
FAST = ("--weights", "random", "--test-percent", "30")


INTERRUPTED = """
import os, signal
from graft_host.cli import main
from graft_host.network_search import features
extract = features.extract_together
def extract_and_interrupt(*args):
    done = extract(*args)
    os.kill(os.getpid(), signal.SIGINT)
    return done
features.extract_together = extract_and_interrupt
main()
"""
"""``graft``, which gets Ctrl-C when a search has the bottlenecks of the first size."""


@dataclass(frozen=True)
class Searched:
    """A search that was interrupted, and the search that continued it."""

    photos: Path
    cache: Path
    model: Path
    page: Path
    found: dict[str, Any]
    kept: dict[Path, int]
    counts: list[int]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    folder = tmp_path_factory.mktemp("search")
    photos, cache = folder / "photos", folder / "cache"
    render_dataset(photos, 14, 0)
    words = ["search", photos, *GRID, *FAST, "--cache", cache]
    command = [sys.executable, "-c", INTERRUPTED, *map(str, words)]
    job = subprocess.run(command, capture_output=True, text=True, check=False)
    assert job.returncode == 130, job.stderr
    assert "75: bottlenecks" in job.stderr
    assert "100: " not in job.stderr
    kept = {path: path.stat().st_mtime_ns for path in (*cache.glob("bottlenecks/*.sqlite"), *trunks(cache))}
    model, page = folder / "parts.tflite", folder / "parts.html"
    found = graft_json(*words, "-o", model, "--report", page)
    return Searched(photos, cache, model, page, found, kept, stored(cache))


def stored(cache: Path) -> list[int]:
    """The number of photos whose bottlenecks are cached, for each network."""
    counts = []
    for path in cache.glob("bottlenecks/*.sqlite"):
        raw = sqlite3.connect(path)
        counts.append(int(raw.execute("SELECT count(*) FROM bottlenecks").fetchone()[0]))
        raw.close()
    return sorted(counts)


def trunks(cache: Path) -> list[Path]:
    """The networks with an output for each tap, which are the largest."""
    files = sorted(cache.glob("backbones/*.tflite"), key=lambda path: path.stat().st_size)
    return files[-(len(files) // 3) :]


def names(found: dict[str, Any]) -> set[tuple[str, int]]:
    return {(candidate["tap"], candidate["image_size"]) for candidate in found["candidates"]}


def chosen_of(found: dict[str, Any]) -> tuple[str, int]:
    """Tap and size of the chosen network, which is Inception-v3's."""
    chosen = found["chosen"]
    assert chosen == {"backbone": "inception-v3", "tap": chosen["tap"], "image_size": chosen["image_size"]}
    return chosen["tap"], chosen["image_size"]


def test_every_tap_is_tried_at_every_size(searched: Searched) -> None:
    found = searched.found
    assert names(found) == {(tap, size) for tap in ("mixed0", "mixed1") for size in (75, 100)}
    assert all(0 <= candidate["accuracy"] <= 1 and candidate["standard_error"] > 0 for candidate in found["candidates"])
    assert all(
        candidate["ms"] > 0 and not candidate["estimated"] and not candidate["misses"]
        for candidate in found["candidates"]
    )
    sizes = {(candidate["tap"], candidate["image_size"]): candidate["bytes"] for candidate in found["candidates"]}
    assert sizes["mixed0", 75] < sizes["mixed1", 75]
    assert any(candidate["front"] for candidate in found["candidates"])
    best = max(candidate["accuracy"] for candidate in found["candidates"])
    (chosen,) = (
        candidate
        for candidate in found["candidates"]
        if (candidate["tap"], candidate["image_size"]) == chosen_of(found)
    )
    assert chosen["front"]
    assert chosen["accuracy"] >= best - 0.01 - 1e-9
    assert isinstance(found["warnings"], list)
    assert {"scan", "backbones", "bottlenecks", "heads", "latency", "winner", "total"} <= found["seconds"].keys()


def test_train_makes_the_same_file_as_the_winner_from_the_cache(searched: Searched, tmp_path: Path) -> None:
    tap, size = chosen_of(searched.found)
    again = tmp_path / "again.tflite"
    options = ["--tap", tap, "--image-size", size, *FAST, "--cache", searched.cache]
    report = graft_json("train", searched.photos, "-o", again, *options)
    assert report["cache"]["misses"] == 0
    assert report["cache"]["backbone"] == "reused"
    assert again.read_bytes() == searched.model.read_bytes()
    assert report["accuracy"] == searched.found["winner"]["accuracy"]
    evaluated = graft_json("evaluate", searched.model, searched.photos)
    assert evaluated["accuracy"] == searched.found["winner"]["accuracy"]["shipped"]


def test_every_other_network_is_cached_except_for_its_test_photos(searched: Searched, tmp_path: Path) -> None:
    """Only the winner reads the test photos."""
    photos = searched.found["photos"]
    seen = photos["train"] + photos["validation"]
    assert searched.counts == [seen, seen, seen, seen + photos["test"]]
    tap, size = min(names(searched.found) - {chosen_of(searched.found)})
    options = [
        "--tap",
        tap,
        "--image-size",
        size,
        *FAST,
        "--cache",
        shutil.copytree(searched.cache, tmp_path / "cache"),
    ]
    report = graft_json("train", searched.photos, "-o", tmp_path / "other.tflite", *options)
    assert report["cache"]["hits"] >= seen
    assert report["cache"]["backbone"] == "reused"


def test_work_finished_before_ctrl_c_is_not_repeated(searched: Searched) -> None:
    assert len(searched.kept) == 3  # two stores and the trunk of the first size
    untouched = [path for path, changed in searched.kept.items() if path.stat().st_mtime_ns == changed]
    # The winner's own test photos may have gone into one of the stores.
    assert len(untouched) >= 2
    assert any(path.suffix == ".tflite" for path in untouched)


def test_a_second_search_converts_and_extracts_nothing(searched: Searched) -> None:
    done = graft("search", searched.photos, *GRID, *FAST, "--cache", searched.cache)
    assert done.returncode == 0, done.stderr
    assert "quantizing" not in done.stderr
    assert "0: bottlenecks" not in done.stderr
    assert "5: bottlenecks" not in done.stderr
    (stages,) = (line for line in done.stdout.splitlines() if line.startswith("seconds"))
    assert "backbones" not in stages
    assert done.stdout.splitlines()[0].split() == ["network", "size", "accuracy", "error", "ms", "MB", "front"]
    assert sum("chosen" in line.split() for line in done.stdout.splitlines()[1:5]) == 1
    assert "one inference here, litert, threads: " in done.stdout
    assert "model" not in done.stdout.split()[-20:]  # nothing is written without -o
    fewer = graft("search", searched.photos, "--taps", "mixed1", "--sizes", "75", *FAST, "--cache", searched.cache)
    assert fewer.returncode == 0, fewer.stderr
    assert "quantizing" not in fewer.stderr


def test_networks_calibrated_on_few_photos_are_reported_and_recalibrated_if_asked(
    searched: Searched, tmp_path: Path
) -> None:
    few = few_photos(searched.photos, tmp_path / "few", SplitRule(test_percent=30))
    cache, model, clean = tmp_path / "cache", tmp_path / "m.tflite", tmp_path / "clean.tflite"
    graft_json("search", few, *GRID, *FAST, "--cache", cache)
    words = ["search", searched.photos, *GRID, *FAST, "--cache", cache]
    poor = graft("search", searched.photos, "--taps", "mixed1,mixed0", "--sizes", "75", *FAST, "--cache", cache)
    wanted = searched.found["photos"]["train"]
    note = "the cached backbone was calibrated on 6 photos; --recalibrate would take"
    assert poor.stderr.count(f"note: at 75, {note} {wanted}\n") == 1
    assert "quantizing" not in poor.stderr
    anew = graft(*words, "--recalibrate", "-o", model, "--json")
    assert anew.returncode == 0, anew.stderr
    assert note not in anew.stderr
    assert "75: quantizing" in anew.stderr
    assert "100: quantizing" in anew.stderr
    tap, size = chosen_of(json.loads(anew.stdout))
    options = ["--tap", tap, "--image-size", size, *FAST, "--cache", searched.cache]
    graft_json("train", searched.photos, "-o", clean, *options)
    assert model.read_bytes() == clean.read_bytes()
    after = graft(*words)
    assert note not in after.stderr
    assert "quantizing" not in after.stderr


def test_a_single_tap_is_recalibrated_too(searched: Searched, tmp_path: Path) -> None:
    few = few_photos(searched.photos, tmp_path / "few", SplitRule(test_percent=30))
    options = [*FAST, "--cache", tmp_path / "cache"]
    graft_json("train", few, "-o", tmp_path / "few.tflite", "--tap", "mixed0", "--image-size", "75", *options)
    words = ["search", searched.photos, "--taps", "mixed0", "--sizes", "75", *options]
    assert "note: at 75, the cached backbone was calibrated on 6 photos" in graft(*words).stderr
    anew = graft(*words, "--recalibrate")
    assert "75: quantizing" in anew.stderr
    assert "calibrated on 6 photos" not in anew.stderr
    assert "calibrated on 6 photos" not in graft(*words).stderr


def test_a_full_temporary_folder_is_named_with_a_remedy(searched: Searched) -> None:
    code = """
import os, subprocess, sys
disk, *words = sys.argv[1:]
done = subprocess.run(
    [sys.executable, "-m", "graft_host.cli", *words], capture_output=True, text=True, env={**os.environ, "TMPDIR": disk}
)
print(done.returncode, disk, done.stderr.splitlines()[-1], sep="\\n")
"""
    output = run_on_small_disk(100, code, "search", searched.photos, *GRID, *FAST, "--cache", searched.cache)
    status, disk, line = output.splitlines()
    assert status == "1"
    assert line.startswith("error: cannot write ")
    assert f"into {disk}: no space left on device; free some space there" in line
    assert line.endswith("or choose another folder in $TMPDIR")


def test_the_page_lists_every_network(searched: Searched) -> None:
    page = searched.page.read_text()
    for tap, size in names(searched.found):
        assert f"Inception-v3 {tap} at {size}" in page
    assert page.count("<svg") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_limits_that_nothing_meets_exit_3_and_name_the_nearest(searched: Searched, tmp_path: Path) -> None:
    model, page = tmp_path / "m.tflite", tmp_path / "m.html"
    options = [*GRID, *FAST, "--cache", searched.cache, "-o", model, "--report", page, "--max-mb", "0.1", "--json"]
    done = graft("search", searched.photos, *options)
    line = error_line(done, 3)
    assert "none of 4 networks meets the limits; nearest is inception-v3 mixed0 at " in line
    assert "MB misses --max-mb" in line
    found = json.loads(done.stdout)
    assert found["chosen"] is None
    assert found["winner"] is None
    assert all(candidate["misses"] == ["--max-mb"] for candidate in found["candidates"])
    assert not model.exists()
    assert "No network was chosen" in page.read_text()


def test_the_written_file_is_no_larger_than_max_mb(searched: Searched, tmp_path: Path) -> None:
    """``graft train`` adds golden photos of up to 3% to a file."""
    model, (tap, size) = tmp_path / "m.tflite", chosen_of(searched.found)
    (bytes_,) = (
        candidate["bytes"]
        for candidate in searched.found["candidates"]
        if (candidate["tap"], candidate["image_size"]) == (tap, size)
    )
    most = bytes_ / 1e6 * 1.01
    options = ["--taps", tap, "--sizes", size, *FAST, "--cache", searched.cache, "-o", model, "--max-mb", most]
    done = graft("search", searched.photos, *options)
    assert done.returncode == 0, done.stderr
    assert "gets no golden photos" in done.stderr
    assert "remembers no photos" in done.stderr
    assert model.stat().st_size <= most * 1e6
    with zipfile.ZipFile(searched.model) as with_photos, zipfile.ZipFile(model) as without:
        assert any(name.endswith(".jpg") for name in with_photos.namelist())
        assert not any(name.endswith(".jpg") for name in without.namelist())


def test_latency_of_the_board(searched: Searched, tmp_path: Path) -> None:
    """The winner is measured on the board (here this machine), and the search uses the measurement."""
    tap, size = chosen_of(searched.found)
    picture = min(searched.photos.glob("*/*.jpg"))
    words = ["bench", searched.model, "--photo", picture, "--rounds", "3", "--runtime", "litert", "--json"]
    measured = graft_device(*words, timeout=300)
    assert measured.returncode == 0, measured.stderr
    (tmp_path / "board.json").write_text(measured.stdout)
    milliseconds = json.loads(measured.stdout)["rows"][0]["invoke_ms"]["median"]
    options = [*GRID, *FAST, "--cache", searched.cache, "--latency", tmp_path / "board.json"]
    found = graft_json("search", searched.photos, *options)
    known = {(candidate["tap"], candidate["image_size"]): candidate for candidate in found["candidates"]}
    assert [name for name, candidate in known.items() if not candidate["estimated"]] == [(tap, size)]
    assert known[tap, size]["ms"] == milliseconds
    assert "those with ~ are estimates" in found["latency"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--taps", "mixed11"], ["--taps", ""], ["--sizes", "74"], ["--sizes", "large"], ["--sizes", "75,2049"],
        ["--max-ms", "nan"], ["--max-ms", "0"], ["--max-mb", "0"],
        ["--min-accuracy", "97"], ["--within", "-1"],
    ],
)  # fmt: skip
def test_usage_errors_exit_2(tmp_path: Path, wrong: list[str]) -> None:
    done = graft("search", tmp_path, *wrong)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_photos_of_none_of_the_classes_are_no_second_class(tmp_path: Path) -> None:
    for name in ("cats", "Unknown"):
        (tmp_path / name).mkdir()
    assert "has 1 class folder, but at least two are needed" in error_line(
        graft("search", tmp_path, "--weights", "random")
    )


def test_errors_are_one_line_and_come_before_the_work(tmp_path: Path) -> None:
    assert "no such folder of photos" in error_line(graft("search", tmp_path / "none", "--weights", "random"))
    (tmp_path / "board.json").write_text("{}")
    options = ["--weights", "random", "--latency", tmp_path / "board.json"]
    assert "is not the output of 'graft-device bench MODEL --json'" in error_line(graft("search", tmp_path, *options))
    board = {
        "format": 1, "model": {"tap": "mixed7", "image_size": 150, "quantization": "int8"},
        "machine": {"board": "A board", "cpu": None, "architecture": "aarch64"}, "warnings": ["it was hot"],
        "rows": [{"runtime": "litert", "threads": 4, "invoke_ms": {"median": 40.0}}],
    }  # fmt: skip
    (tmp_path / "board.json").write_text(json.dumps(board))
    options = ["--weights", "random", "--latency", tmp_path / "board.json"]
    assert "inception-v3 mixed7 at 150, which is not searched" in error_line(
        graft("search", tmp_path, *options, "--taps", "mixed5")
    )
    warned = graft("search", tmp_path, *options, "--taps", "mixed7", "--sizes", "150")
    assert "board.json reports that its figures are unreliable: it was hot" in warned.stderr
    options = ["--weights", "random", "-o", tmp_path / "none" / "m.tflite"]
    assert "mkdir -p" in error_line(graft("search", tmp_path, *options))


def test_help_shows_an_example() -> None:
    assert "Example:  graft search photos/" in graft("search", "--help").stdout


@pytest.fixture
def real(pets: Trained, weights_file: Path) -> list[object]:
    return [pets.photos, "--weights", weights_file, "--cache", pets.cache, "--taps", "mixed5,mixed7"]


def test_on_real_photos_the_deeper_tap_is_better(real: list[object], tmp_path: Path) -> None:
    """Two taps on cats and dogs, with a limit that only the shallower one meets."""
    model = tmp_path / "pets.tflite"
    found = graft_json("search", *real, "--sizes", "150", "-o", model)
    assert found["chosen"] == {"backbone": "inception-v3", "tap": "mixed7", "image_size": 150}
    known = {candidate["tap"]: candidate["accuracy"] for candidate in found["candidates"]}
    assert known["mixed7"] >= 0.95
    assert 0.85 <= known["mixed5"] < known["mixed7"] - 0.02
    assert found["winner"]["accuracy"]["shipped"] >= 0.93
    assert found["winner"]["bytes"] == model.stat().st_size
    small = graft_json("search", *real, "--sizes", "150", "--max-mb", "6")
    assert small["chosen"] == {"backbone": "inception-v3", "tap": "mixed5", "image_size": 150}
