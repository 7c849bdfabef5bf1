"""The pairing of events and the figures of memory in the benchmarks of a run."""

from __future__ import annotations

import os

import pytest

from benchmarks.board_hour.memory import Memory, read_memory, slope_kb_h, table
from benchmarks.motion.agreement import Change, agreement, changes


def change(kind: str, position: float, label: str = "nut") -> Change:
    return Change(kind, label, position)


def test_each_change_is_paired_with_the_nearest_of_its_kind_and_label_once() -> None:
    first = [change("enter", 1), change("leave", 9), change("enter", 20, "screw")]
    second = [change("enter", 1.5), change("enter", 2), change("leave", 8), change("enter", 20)]
    found = agreement(first, second, tolerance_s=2)
    assert (found.both, found.apart_s) == (2, (0.5, -1))
    assert found.first_only == (change("enter", 20, "screw"),)
    assert found.second_only == (change("enter", 2), change("enter", 20))


def test_the_leave_at_the_end_of_a_run_is_no_change() -> None:
    events = [{"kind": kind, "label": "nut", "position": at} for at, kind in enumerate(("enter", "leave") * 2)]
    assert [(each.kind, each.position) for each in changes(events)] == [("enter", 0), ("leave", 1), ("enter", 2)]


def test_memory_that_grows_has_a_slope() -> None:
    samples = [Memory(at_s, 80_000, 50_000, 40_000 + at_s // 60 * 100, 1) for at_s in range(0, 600, 5)]
    assert slope_kb_h(samples) == pytest.approx(6000, rel=0.02)
    lines = table(samples, {1: "one viewer"})
    assert len(lines) == 2 + 10
    assert lines[3] == "| 2 | 80.0 | 50.0 | 40.1 | 1 | one viewer |"


def test_the_memory_of_this_process_is_read() -> None:
    memory = read_memory(os.getpid(), 0)
    assert memory.processes >= 1
    assert memory.rss_kb >= memory.pss_kb > 1000
    assert memory.rss_kb >= memory.own_kb > 1000
