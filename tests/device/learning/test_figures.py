"""What the old classes may lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.errors import GateError
from graft_device.learning.figures import check_loss
from graft_device.learning.result import ClassFigures, LearnResult


def result(photos: int, before: float, after: float) -> LearnResult:
    """A class beside one that loses nothing."""
    classes = {"cats": ClassFigures(200, 0.98, 0.98, 0.0), "nuts": ClassFigures(photos, before, after, 0.0)}
    return LearnResult(
        model=Path("new.tflite"), source=Path("old.tflite"), label="screws", adds=True, how="trained", photos=6,
        remembered=200 + photos, skipped=(), repeated=0, classes=classes, taken_for={},
        loss=(before - after) / 2, score=0,
    )  # fmt: skip


def test_one_photo_of_a_small_class_is_no_loss() -> None:
    check_loss(result(5, 1.0, 0.8), 0.05)
    with pytest.raises(GateError, match=r"10\.0%.*nuts: 20\.0%"):
        check_loss(result(5, 1.0, 0.8), 0.0)


def test_two_photos_of_it_and_a_share_of_a_large_class_are() -> None:
    with pytest.raises(GateError, match=r"nuts: 40\.0%"):
        check_loss(result(5, 1.0, 0.6), 0.05)
    with pytest.raises(GateError, match=r"nuts: 12\.0%"):
        check_loss(result(100, 1.0, 0.88), 0.05)
