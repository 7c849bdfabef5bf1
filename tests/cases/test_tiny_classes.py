"""Three hundred classes of four photos can be trained on, whatever share of them tests."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_each_class_gives_a_photo_to_the_test(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("tiny-classes", tmp_path_factory, timeout=1200)
    lines = done.stdout.strip().split("\n")  # a bar of progress has carriage returns
    assert len(lines) == 3, done.stderr
    for line in lines:  # the last line on standard error: the progress of the test of the finished file
        assert "testing the file" in line
        assert "error" not in line
