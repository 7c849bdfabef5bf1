"""A collect that is killed at random, and continued; ``benchmarks/collect_kills`` does so more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.collect_kills import trials

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.remote.park import Park


@pytest.mark.slow
def test_killed_at_random_no_photo_is_lost_or_doubled(park: Park, tmp_path: Path) -> None:
    found = list(trials(park.start("kitchen"), tmp_path, count=2, seed=17, photos=250))
    assert [trial.faults for trial in found] == [[], []]
