"""Three hundred classes of four photos can be trained on, whatever share of them tests."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_each_class_gives_a_photo_to_the_test(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("tiny-classes", tmp_path_factory, timeout=1200)
    shares = done.stdout.split(" letters: ")[1:]  # the last line on standard error, for each share of test photos
    assert len(shares) == 3, done.stderr
    for last_line in shares:  # the progress of the test of the finished file
        assert "testing the file" in last_line
        assert "error" not in last_line
