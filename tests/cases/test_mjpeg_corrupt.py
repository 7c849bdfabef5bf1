"""A stream of which every third frame is cut in half: these frames are passed over."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.cases import run_case_in_time


@pytest.mark.slow
def test_frames_that_are_cut_in_half_are_passed_over(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("av")
    done = run_case_in_time("mjpeg-corrupt", tmp_path_factory, lambda done: sum(_counted(done).values()) == 60)
    counted = _counted(done)
    assert set(counted) == {"red", "green", "blue"}, done.stdout
    assert sum(counted.values()) == 60
    assert done.stderr.count("gives damaged frames; they are skipped") == 1


def _counted(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The number of frames that were named by each label."""
    return {label: int(count) for count, label in map(str.split, done.stdout.splitlines())}
