"""A run whose broker, receiver of webhooks and disk come and go: a short version of ``benchmarks.chaos``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos.__main__ import side_by_side, table


@pytest.mark.slow
def test_no_event_is_lost_or_doubled_and_the_camera_never_waits(tmp_path: Path) -> None:
    """An outage lasts until the run has made more events, so a run that waits for a receiver fails."""
    calm, troubled, outages = side_by_side(tmp_path, seed=1, longest=1.5, more=lambda count: count < 3)
    assert troubled.complete, table(calm, troubled, outages)
    assert calm.complete
    assert not any(calm.repeated.values())
    assert {one.service for one in outages} >= {"broker", "receiver"}
    assert all(one.count == 3 and not one.waited for one in outages)
