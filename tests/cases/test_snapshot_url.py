"""A still picture at a URL is fetched at a steady rate, without a note for each picture."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_a_picture_every_second_and_no_notes(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("snapshot-url", tmp_path_factory)
    lines = done.stdout.splitlines()
    assert len(lines) >= 35, "one a second for 45 seconds, less the start"
    assert all(line.partition(" ")[2] for line in lines)
    assert [line for line in done.stderr.splitlines() if line.startswith(("note", "error"))] == []
