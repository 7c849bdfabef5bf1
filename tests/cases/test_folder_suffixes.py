"""A watched folder gives what ``classify`` reads, whatever the names are."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_run_takes_what_classify_takes(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("folder-suffixes", tmp_path_factory)
    events, _, classified = done.stdout.partition("status 1\n")
    names = ["in/a.jfif", "in/b.jpe", "in/noname"]
    assert sorted(line.split()[1].rstrip(":") for line in events.splitlines()) == names
    assert [line.partition(":")[0] for line in classified.splitlines()] == names
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: in/IMG_1.HEIC: ")]
    assert len(errors) == 2, "one from run and one from classify"
