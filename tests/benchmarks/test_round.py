"""The whole round with two boards, shorter than in ``benchmarks.round``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.round.__main__ import table
from benchmarks.round.going import go_round
from tests.support.remote.board import missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


def test_after_a_round_the_boards_know_what_they_did_not_know_before(tmp_path: Path) -> None:
    gone = go_round(tmp_path, seed=0, each=24, new=6)
    assert gone.right_after > gone.right_before, table(gone)
    assert sum(gone.sorted.values()) == gone.collected
    assert {"washer", "unknown"} <= gone.sorted.keys()
    assert gone.keys + gone.clicks < gone.collected
