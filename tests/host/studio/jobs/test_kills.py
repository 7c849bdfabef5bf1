"""A studio that is killed while it writes jobs."""

from __future__ import annotations

from pathlib import Path

from tests.support import job_kills
from tests.support.killing import tried

_OLD, _QUEUED, _DONE = ["old", "cancelled"], ["new", "queued"], ["new", "done"]


def test_killed_at_any_step_a_studio_leaves_each_job_whole_or_not_at_all(tmp_path: Path) -> None:
    found = tried(job_kills, tmp_path / "project")
    order = [[_OLD], [_QUEUED, _OLD], [_DONE, _OLD], [_DONE]]
    steps = [order.index(each["jobs"]) for each in found]
    assert steps == sorted(steps)
    assert {*steps} == {0, 1, 2, 3}
    assert [each["notes"] for each in found if each["notes"]] == []
    assert all(each["added"] for each in found)
