"""A picture that a camera rewrites several times a second is classified again and again."""

from __future__ import annotations

import re

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_some_events_at_each_period(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("rewritten-snapshot", tmp_path_factory)
    counts = re.findall(r"^every (\S+) s: (\d+) events$", done.stdout, re.MULTILINE)
    assert [period for period, _ in counts] == ["0.2", "0.4", "1.0"]
    assert all(int(count) >= 4 for _, count in counts), counts
