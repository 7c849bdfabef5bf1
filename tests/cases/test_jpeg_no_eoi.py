"""A JPEG of which the two bytes of the end marker are missing, and nothing else."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_a_jpeg_without_its_end_marker_is_classified(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("jpeg-no-eoi", tmp_path_factory)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("noeoi.jpg: red ")
