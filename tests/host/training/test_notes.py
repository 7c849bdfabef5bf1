from __future__ import annotations

import pytest

from graft_host.heads.thresholds import UnknownThreshold
from graft_host.training.notes import unknown_note


@pytest.mark.parametrize(
    ("unknown", "asked"),
    [(None, 0.0), (UnknownThreshold(0.6, 0.05, 100), 0.05), (UnknownThreshold(0.6, 0.1235, 100), 0.12345)],
)
def test_a_threshold_as_asked_for_needs_no_note(unknown: UnknownThreshold | None, asked: float) -> None:
    assert unknown_note(unknown, asked) is None


def test_a_threshold_that_could_not_be_set_is_reported() -> None:
    note = unknown_note(None, 0.05)
    assert note is not None
    assert note.startswith("warning: too few photos to find a threshold")


def test_a_rate_above_the_one_asked_for_is_reported() -> None:
    note = unknown_note(UnknownThreshold(0.6, 0.0812, 36), 0.05)
    assert note is not None
    assert note.startswith("note: 36 photos are too few to promise that at most 5.00% of known ones")
    assert "it may be 8.12%" in note
