"""A picture that a camera rewrites several times a second is classified again and again."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.cases import run_case_in_time


@pytest.mark.slow
def test_some_events_at_each_period(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case_in_time(
        "rewritten-snapshot", tmp_path_factory, lambda done: min(_counts(done).values(), default=0) >= 4
    )
    counts = _counts(done)
    assert list(counts) == ["0.2", "0.4", "1.0"]
    assert all(count >= 4 for count in counts.values()), counts


def _counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The number of events at each period."""
    lines = re.findall(r"^every (\S+) s: (\d+) events$", done.stdout, re.MULTILINE)
    return {period: int(count) for period, count in lines}
