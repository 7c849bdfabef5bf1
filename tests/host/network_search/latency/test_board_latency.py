from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graft_host.network_search.latency.board_latency import (
    LatencyError,
    common_setting,
    describe,
    on_board,
    read_figures,
)

INCEPTION = "inception-v3"
SHAPES = [(INCEPTION, "mixed5", 150), (INCEPTION, "mixed7", 224), (INCEPTION, "mixed7", 299)]
HERE = [5.0, 10.0, 20.0]


def bench(path: Path, tap: str, size: int, taken: dict[tuple[str, int], float], **changes: Any) -> Path:
    """A file as ``graft-device bench --json`` prints it."""
    spread = {"p90": 1e3, "p99": 1e3}
    figures: dict[str, Any] = {
        "format": 1,
        "model": {"tap": tap, "image_size": size, "quantization": "int8"},
        "machine": {"board": "Raspberry Pi 5 Model B Rev 1.0", "cpu": "Cortex-A76", "architecture": "aarch64"},
        "rows": [
            {"runtime": runtime, "threads": threads, "invoke_ms": {"median": ms, **spread}}
            for (runtime, threads), ms in taken.items()
        ],
    }
    for key, value in changes.items():
        (figures["model"] if key in {*figures["model"], "family"} else figures)[key] = value
    path.write_text(json.dumps(figures))
    return path


def test_one_file_measures_its_network_and_the_others_are_estimated(tmp_path: Path) -> None:
    path = bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 60.0, ("litert", 1): 200.0})
    latencies = on_board([read_figures(path)], SHAPES, HERE)
    assert latencies.setting == ("litert", 4)
    assert latencies.ms == pytest.approx((30.0, 60.0, 120.0))
    assert latencies.measured == (False, True, False)
    assert "Raspberry Pi 5" in describe(latencies)
    assert "those with ~ are estimates: this machine's, times the ratio of the measured networks (6.00)" in describe(
        latencies
    )


def test_several_files_measure_their_networks_and_the_others_are_estimated_from_their_mean(tmp_path: Path) -> None:
    files = [
        bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 40.0, ("tflite-runtime", 4): 30.0}),
        bench(tmp_path / "b.json", "mixed7", 299, {("litert", 4): 180.0, ("litert", 2): 300.0}),
    ]
    latencies = on_board([read_figures(path) for path in files], SHAPES, HERE)
    assert latencies.setting == ("litert", 4)  # the only one that both have
    assert latencies.ms == pytest.approx((5 * 6.0, 40.0, 180.0))  # the geometric mean of 4 and 9
    assert latencies.ratios == pytest.approx((4, 9))
    assert "(4.00 to 9.00)" in describe(latencies)


def test_warnings_of_the_bench_are_kept(tmp_path: Path) -> None:
    warned = bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 40.0}, warnings=["it was hot"])
    assert read_figures(warned).warnings == ("it was hot",)
    assert read_figures(bench(tmp_path / "b.json", "mixed7", 224, {("litert", 4): 40.0})).warnings == ()


def test_nothing_is_estimated_if_everything_is_measured(tmp_path: Path) -> None:
    path = bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 40.0})
    latencies = on_board([read_figures(path)], [(INCEPTION, "mixed7", 224)], [10.0])
    assert latencies.measured == (True,)
    assert "estimate" not in describe(latencies)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "has format 2, and this version reads 1; measure again"),
        ({"quantization": "float32"}, "a float32 model; measure an int8 one"),
        ({"rows": []}, "contains no measurement"),
        (
            {"rows": [{"runtime": "litert", "threads": 4, "invoke_ms": None, "error": "boom"}]},
            "contains no measurement",
        ),
        (
            {"rows": [{"runtime": "litert", "threads": 4, "invoke_ms": {"median": 0}}]},
            "is not the output of 'gr",
        ),
        (
            {"rows": [{"runtime": "litert", "threads": 4, "invoke_ms": {"median": float("inf")}}]},
            "is not the output of 'gr",
        ),
        (
            {"rows": [{"runtime": "litert", "threads": float("inf"), "invoke_ms": {"median": 1}}]},
            "is not the output of 'gr",
        ),
        ({"machine": []}, "is not the output of .*; run that on the board"),
        ({"image_size": "large"}, "is not the output of 'gr"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 40.0}, **changes)
    with pytest.raises(LatencyError, match=reason) as caught:
        read_figures(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b"{"])
def test_a_file_without_a_measurement_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(LatencyError, match=r"is not the output of .*; run that on the board"):
        read_figures(tmp_path / "a.json")
    with pytest.raises(LatencyError, match=r"cannot read .*no such file"):
        read_figures(tmp_path / "none.json")


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    first = read_figures(bench(tmp_path / "a.json", "mixed7", 224, {("litert", 4): 40.0}))
    other = read_figures(bench(tmp_path / "b.json", "mixed7", 299, {("litert", 2): 40.0}))
    with pytest.raises(LatencyError, match="no pair of runtime and threads in common"):
        on_board([first, other], SHAPES, HERE)
    machine = {"board": "Raspberry Pi 4", "cpu": None, "architecture": "aarch64"}
    with pytest.raises(LatencyError, match="no pair of runtime and threads in common"):
        common_setting([first, other], SHAPES)
    third = read_figures(bench(tmp_path / "c.json", "mixed7", 299, {("litert", 4): 40.0}, machine=machine))
    with pytest.raises(LatencyError, match=r"several boards \(Raspberry Pi 4, Raspberry Pi 5"):
        on_board([first, third], SHAPES, HERE)
    again = read_figures(bench(tmp_path / "d.json", "mixed7", 224, {("litert", 4): 50.0}))
    with pytest.raises(LatencyError, match=r"a\.json and .*d\.json are both of inception-v3 mixed7 at 224; give one"):
        on_board([first, again], SHAPES, HERE)
    with pytest.raises(
        LatencyError, match=r"is of inception-v3 mixed7 at 224, which is not searched.*; add mixed7 to --taps"
    ):
        on_board([first], [(INCEPTION, "mixed5", 224)], [5.0])
