"""A stream of which every third frame is cut in half: these frames are passed over."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_frames_that_are_cut_in_half_are_passed_over(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("av")
    done = run_case("mjpeg-corrupt", tmp_path_factory)
    counted = {label: int(count) for count, label in map(str.split, done.stdout.splitlines())}
    assert set(counted) == {"red", "green", "blue"}, done.stdout
    assert sum(counted.values()) == 60
    assert done.stderr.count("gives damaged frames; they are skipped") == 1
