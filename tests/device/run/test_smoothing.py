from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.run.smoothing import MARGIN, Changes, Smoother

LABELS = ("cats", "dogs", "mice")


def scores(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def exact(*values: float) -> NDArray[np.float64]:
    return np.array(values, np.float64)


@pytest.mark.parametrize("half_life", [1, 2.5, 8])
def test_after_the_half_life_the_weight_of_a_frame_is_half(half_life: float) -> None:
    smoother = Smoother(half_life)
    mean = smoother.add(scores(1, 0, 0))
    assert mean == pytest.approx([1, 0, 0])
    for count in range(1, 20):
        mean = smoother.add(scores(0, 1, 0))
        assert mean == pytest.approx([0.5 ** (count / half_life), 1 - 0.5 ** (count / half_life), 0])
    assert mean.sum() == pytest.approx(1)


def test_without_smoothing_each_frame_stands_alone() -> None:
    smoother = Smoother(0)
    smoother.add(scores(1, 0, 0))
    assert smoother.add(scores(0.2, 0.7, 0.1)) == pytest.approx([0.2, 0.7, 0.1])


def test_a_reset_forgets() -> None:
    smoother = Smoother(10)
    smoother.add(scores(1, 0, 0))
    smoother.reset()
    assert smoother.add(scores(0, 0, 1)) == pytest.approx([0, 0, 1])


def test_one_odd_frame_does_not_turn_a_smoothed_label() -> None:
    smoother, changes = Smoother(3), Changes(LABELS, 0)
    frames = [scores(0.9, 0.1, 0)] * 8 + [scores(0.1, 0.9, 0)] + [scores(0.9, 0.1, 0)] * 8
    assert [changes.changed(smoother.add(frame)) for frame in frames] == [True] + [False] * 16


def test_only_a_change_is_reported() -> None:
    changes = Changes(LABELS, 0)
    frames = [exact(0.9, 0.1, 0), exact(0.8, 0.2, 0), exact(0.1, 0.9, 0), exact(0, 1, 0), exact(1, 0, 0)]
    assert [changes.changed(frame) for frame in frames] == [True, False, True, False, True]


def test_a_label_that_hardly_leads_does_not_replace_the_old_one() -> None:
    changes = Changes(LABELS, 0)
    assert changes.changed(exact(0.5, 0.45, 0.05))
    assert not changes.changed(exact(0.46, 0.49, 0.05))
    assert not changes.changed(exact(0.50, 0.45, 0.05))
    assert not changes.changed(exact(0.43, 0.43 + MARGIN - 0.01, 0))
    assert changes.changed(exact(0.43, 0.43 + MARGIN + 0.01, 0))
    assert not changes.changed(exact(0.49, 0.47, 0)), "nor does so small a lead bring the old one back"


def test_around_the_threshold_it_does_not_flicker() -> None:
    changes = Changes(LABELS, 0.6)
    frames = [(0.62, True), (0.58, False), (0.61, False), (0.54, True), (0.61, False), (0.64, False), (0.66, True)]
    assert [changes.changed(exact(top, 0, 0)) for top, _ in frames] == [changed for _, changed in frames]


def test_unknown_is_left_even_where_the_threshold_is_close_to_one() -> None:
    changes = Changes(LABELS, 0.98)
    assert changes.changed(exact(0.5, 0.3, 0.2))
    assert changes.changed(exact(0.995, 0, 0))


def test_from_unknown_to_another_class() -> None:
    changes = Changes(LABELS, 0.6)
    frames = (exact(0.9, 0, 0), exact(0.3, 0.3, 0.3), exact(0, 0.9, 0))
    assert [changes.changed(frame) for frame in frames] == [True, True, True]
