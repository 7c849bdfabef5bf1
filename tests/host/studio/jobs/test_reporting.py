"""What a job's process says about its progress."""

from __future__ import annotations

from typing import Any

from graft_host.studio.jobs.reporting import LineReporter


def test_the_time_left_follows_the_newest_steps_and_few_lines_are_sent() -> None:
    lines: list[Any] = []
    now = 0.0
    reporter = LineReporter(lines.append, lambda: now)
    with reporter.progress("bottlenecks") as progress:
        progress(1000, 2000)  # found in the cache at once
        for number in range(1, 601):
            now = number * 0.1
            progress(1000 + number, 2000)
    shown = [line["progress"] for line in lines]
    assert shown[0] == {
        "stage": "bottlenecks", "done": 0, "total": 0, "unit": "photos", "rate": None, "seconds_left": None,
    }  # fmt: skip
    assert len(shown) < 250
    assert 9.9 < shown[-1]["rate"] < 10.1
    assert 39 < shown[-1]["seconds_left"] < 41


def test_the_end_of_a_stage_is_always_sent() -> None:
    lines: list[Any] = []
    reporter = LineReporter(lines.append, lambda: 0.0)
    reporter.step("testing", 1, 3)
    reporter.step("testing", 3, 3)
    reporter.note("one photo is skipped")
    assert [(line["progress"]["done"], line["progress"]["total"]) for line in lines[:-1]] == [(0, 0), (3, 3)]
    assert lines[-1] == {"note": "one photo is skipped"}
