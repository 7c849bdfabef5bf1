"""Tests that every benchmark runs at tiny sizes and writes its rows; the figures themselves are not tested."""

from __future__ import annotations

import math
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import startup
from benchmarks.__main__ import GROUPS, run
from benchmarks.groups import (
    classifying,
    converting,
    features,
    fusing,
    growing,
    heads,
    limit,
    making,
    quantizing,
    starting,
    warming,
)
from benchmarks.results import line, page
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Scale, Settings
from benchmarks.turns import Contender, ContenderError, once, take_turns
from benchmarks.worker import Job
from tests.support.host_data import image_bytes

TINY = Scale(
    turns=2,
    long_turns=1,
    rate_photos=4,
    classified=4,
    large=2,
    large_size=(800, 600),
    starts=1,
    invokes=2,
    heads=((40, 2), (60, 3)),
    warm_photos=60,
    growth=(40, 80),
)
TOOL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "make_inception_2015_graph.py"
ONNX = Path(__file__).resolve().parents[2] / ".bench" / "onnx"
QUANTIZER = ONNX.with_name("quantizer")

pytestmark = pytest.mark.service  # each turn of a contender is a process of its own


def noted(request: dict[str, Any]) -> Job:
    """A contender that writes its name into a file in each of its turns."""

    def run() -> int:
        with Path(request["log"]).open("a") as log:
            log.write(request["name"])
        sys.stdout.write("what a library prints is no answer\n")
        return len(request["name"])

    return Job(run, lambda length: {"length": length})


def absent(_: dict[str, Any]) -> Job:
    raise ImportError("no package named so")


def broken(_: dict[str, Any]) -> Job:
    def run() -> None:
        raise ValueError("it went wrong")

    return Job(run)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("benchmarks")
    for label in range(2):
        (folder / "photos" / f"class{label}").mkdir(parents=True)
        for index in range(24):
            path = folder / "photos" / f"class{label}" / f"{index}.jpg"
            path.write_bytes(image_bytes(100 * label + index, "JPEG", width=120, height=90))
    (folder / "scratch").mkdir()
    return Settings(
        photos=folder / "photos",
        weights="random",
        scratch=folder / "scratch",
        cores=2,
        scale=TINY,
        tap="mixed0",
        image_size=75,
        onnx=ONNX if ONNX.is_dir() else None,
        quantizer=QUANTIZER if QUANTIZER.is_dir() else None,
        graph_tool=TOOL,
    )


def assert_measured(row: Row) -> None:
    assert row.ours is not None
    assert math.isfinite(row.ours)
    assert row.ours > 0, row
    assert row.what
    assert row.unit
    if row.theirs is not None:
        assert row.ratio is not None
        assert row.theirs > 0, row
    assert "\n" not in line(row)


def test_contenders_take_turns_and_the_first_is_thrown_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [Contender(name, "tests.benchmarks.test_benchmarks:noted", {"log": str(log), "name": name}) for name in "AB"]
    race = take_turns(both, turns=2)
    assert log.read_text() == "ABABAB"
    assert {name: len(turns) for name, turns in race.turns.items()} == {"A": 2, "B": 2}
    for turn in race.turns["A"]:
        assert turn.seconds > 0
        assert turn.peak > 1
        assert turn.found == {"length": 1}


def test_a_contender_without_its_packages_is_missing_and_one_that_breaks_is_an_error(tmp_path: Path) -> None:
    request = {"log": str(tmp_path / "log"), "name": "A"}
    there = Contender("there", "tests.benchmarks.test_benchmarks:noted", request)
    race = take_turns([there, Contender("absent", "tests.benchmarks.test_benchmarks:absent", {})], turns=1)
    assert race.missing == {"absent": "no package named so"}
    assert set(race.turns) == {"there"}
    with pytest.raises(ContenderError, match="ValueError: it went wrong"):
        once("tests.benchmarks.test_benchmarks:broken", {})
    with pytest.raises(ContenderError, match="no package named so"):
        once("tests.benchmarks.test_benchmarks:absent", {})


def test_the_ratio_is_the_median_of_the_pairs_and_a_reason_is_given_only_where_ours_is_worse() -> None:
    better = compared("a", "s", [1.0, 2.0, 1.0], [3.0, 4.0, 10.0], goal=2.5, why_worse="of this")
    assert (better.ours, better.theirs, better.ratio, better.spread, better.note) == (1.0, 4.0, 3.0, (2.0, 10.0), "")
    worse = compared("b", "s", [2.0], [1.0], goal=2.5, note="so", why_worse="of this")
    assert (worse.ratio, worse.spread, worse.note) == (0.5, None, "so; worse: of this")
    assert worse.note == compared("b", "s", [2.0], [1.0], goal=0.5, note="so", why_worse="of this", why_missed="x").note
    missed = compared("b", "s", [1.0], [2.0], goal=2.5, why_worse="of this", why_missed="of that")
    assert missed.note == "missed: of that"
    text = page(["- Machine: one."], [("Title", [better, worse, missing("c", "ms", "not here")])], "1 minute", "make")
    assert "| a | 1.00 | 4.00 | s | 3.00 (2.00 to 10.0) | ≥ 2.5: met |  |" in text
    assert "| b | 2.00 | 1.00 | s | 0.5 | ≥ 2.5: **missed** | so; worse: of this |" in text
    assert "| c | - | - | ms | - |  | not measured: not here |" in text


def test_a_reason_keeps_no_path_of_the_machine() -> None:
    reason = "cannot import name 'a' from 'onnx' (/home/me/.bench/onnx/__init__.py), see https://example.org/a/b"
    note = "not measured: cannot import name 'a' from 'onnx' (__init__.py), see https://example.org/a/b"
    assert missing("c", "ms", reason).note == note
    assert missing("c", "ms", "0 of 5 / 6 or/and m/s").note == "not measured: 0 of 5 / 6 or/and m/s"


@pytest.mark.slow
def test_features(settings: Settings) -> None:
    rows = features.measure(settings)
    assert len(rows) == 4
    assert_measured(rows[0])
    for row, there in zip(rows[1:], (TOOL.is_file(), ONNX.is_dir(), ONNX.is_dir()), strict=True):
        if there:
            assert_measured(row)
        else:
            assert row.note.startswith("not measured: ")


@pytest.mark.slow
def test_the_rows_report_that_the_tool_and_onnx_are_missing(settings: Settings, tmp_path: Path) -> None:
    bare = replace(settings, graph_tool=tmp_path / "missing.py", onnx=tmp_path)
    rows = features.measure(bare)
    assert_measured(rows[0])
    assert [row.ratio for row in rows[1:]] == [None] * 3
    assert "the script that writes a graph like that of 2015 is missing" in rows[1].note
    assert all(row.note.startswith("not measured: No module named") for row in rows[2:])


@pytest.mark.slow
def test_limit(settings: Settings) -> None:
    (row,) = limit.measure(settings)
    assert_measured(row)
    assert "decode" in row.note


@pytest.mark.slow
def test_heads(settings: Settings) -> None:
    rows = heads.measure(settings)
    assert len(rows) == 4 * len(TINY.heads)
    for row in rows:
        assert_measured(row)
    assert "40 photos" in rows[0].what
    assert "60 synthetic" in rows[4].what
    for loss in rows[1::4]:
        assert loss.ratio == pytest.approx(1, abs=1e-3), "both minimize the same loss"


@pytest.mark.slow
def test_fusing(settings: Settings) -> None:
    (row,) = fusing.measure(settings)
    assert_measured(row)


@pytest.mark.slow
def test_classifying(settings: Settings) -> None:
    process, api, large = classifying.measure(settings)
    for row in (process, api, large):
        assert_measured(row)
    assert "the same class for 4 of 4" in api.note
    assert "of 2; processor" in large.note


@pytest.mark.slow
def test_starting(settings: Settings) -> None:
    rows = starting.measure(settings)
    assert len(rows) >= 3
    assert rows[-1].what == "`graft --help`, start to exit; against the limit"
    assert_measured(rows[-1])
    for row in rows:
        if not row.note.startswith("not measured: "):
            assert_measured(row)
    assert rows[0].theirs is not None


@pytest.mark.slow
def test_converting(settings: Settings) -> None:
    rows = converting.measure(settings)
    assert [row.what for row in rows] == [
        f"one inference, {setup}; against the converter's file"
        for setup in (
            "litert, 1 thread",
            "litert, 1 thread, as extraction runs it",
            "litert, 2 threads",
            "litert, 2 threads, as extraction runs it",
            "tflite-runtime, 1 thread",
            "tflite-runtime, 2 threads",
        )
    ]
    for row in rows[:4]:
        assert_measured(row)


@pytest.mark.slow
def test_making(settings: Settings) -> None:
    rows = making.measure(settings)
    converter, quantizer = rows[:5], rows[5:]
    for row in converter:
        assert_measured(row)
    assert "32 against 100 photos" in converter[0].note
    processor = re.search(r"processor ([\d.]+) s against ([\d.]+) s", converter[1].note)
    assert processor is not None
    assert float(processor[1]) < float(processor[2]), "the converter imports TensorFlow"
    assert "SQNR" in converter[4].note
    if QUANTIZER.is_dir():
        assert len(quantizer) == 5
        for row in quantizer:
            assert_measured(row)
    else:
        (row,) = quantizer
        assert row.note.startswith("not measured: No module named")


@pytest.mark.slow
def test_quantizing(settings: Settings) -> None:
    rows = quantizing.measure(settings)
    assert len(rows) == 5
    assert_measured(rows[0])
    size = rows[-1]
    assert_measured(size)
    assert size.ratio is not None
    assert size.ratio > 2, "int8 is a quarter of float32, less what the graph takes"


@pytest.mark.slow
def test_warming(settings: Settings) -> None:
    limit_row, cold_row, unchanged_row = warming.measure(settings)
    for row in (limit_row, cold_row, unchanged_row):
        assert_measured(row)
        assert "60 photos" in row.what
    assert limit_row.theirs == warming.LIMIT
    assert unchanged_row.theirs == warming.UNCHANGED_LIMIT
    assert "nothing new" in unchanged_row.what
    assert "backbone" in cold_row.note


def test_peak_memory_is_that_of_the_command_and_not_of_this_process() -> None:
    ballast = b"x" * 300_000_000
    cost = startup.measure([sys.executable, "-c", "held = b'x' * 60_000_000"], dict(os.environ))
    assert 60 < cost.megabytes < 150 < len(ballast) / 1e6
    with pytest.raises(RuntimeError, match="exit status 3"):
        startup.measure([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ))


@pytest.mark.slow
def test_growing(settings: Settings) -> None:
    rows = growing.measure(settings)
    assert len(rows) == 8 * len(TINY.growth)
    for row in rows:
        assert_measured(row)
    assert "2 times the photos" in rows[1].note


@pytest.mark.slow
def test_a_run_writes_the_page_with_the_machine_and_no_path_of_it(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "RESULTS.md"
    done = run(settings, ["fusing", "starting"], output, "python -m benchmarks")
    text, said = output.read_text(), capsys.readouterr().out
    for name, rows in done.items():
        assert f"## {GROUPS[name]}" in text
        for row in rows:
            assert line(row) in text
            assert line(row) in said
    assert "2 cores" in text
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in text
    assert "numpy 1." in text or "numpy 2." in text
    assert "48 of photos, median 120 x 90 pixels" in text
    for path in (settings.scratch, settings.photos, Path(__file__).parents[2]):
        assert str(path) not in text
