from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_host.heads.temperature import best_temperature, expected_calibration_error, helpful_temperature, softmax


@pytest.mark.parametrize("factor", [0.02, 0.2, 1.0, 6.0, 300.0, 1e5])
def test_the_temperature_undoes_a_factor_that_made_logits_too_large_or_too_small(factor: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(honest)])
    assert best_temperature(honest * factor, labels) == pytest.approx(factor, rel=0.1)


def test_no_mistake_among_a_few_photos_does_not_make_scores_extreme() -> None:
    labels = np.arange(60) % 3
    assert 0.4 < best_temperature(np.eye(3)[labels] * 6.0, labels) < 1.01


def test_without_photos_the_temperature_is_one() -> None:
    assert best_temperature(np.zeros((0, 2)), np.zeros(0, np.int64)) == pytest.approx(1, abs=1e-3)


def _labelled(count: int, factor: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits that are too large by a factor, with labels as likely as the honest logits say."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 2, (count, 3))
    return honest * factor, np.array([rng.choice(3, p=row) for row in softmax(honest)])


def _taken(count: int, factor: float) -> list[float]:
    """The temperatures of twenty data sets."""
    return [helpful_temperature(*_labelled(count, factor, seed), np.arange(count), seed) for seed in range(20)]


def test_a_temperature_that_helps_is_taken() -> None:
    for factor in (0.3, 3.0):
        assert _taken(150, factor) == pytest.approx([factor] * 20, rel=0.5)
    logits, labels = _labelled(150, 3.0, 0)
    assert helpful_temperature(logits, labels, np.arange(150), 0) == best_temperature(logits, labels)


def test_honest_scores_are_mostly_left_alone() -> None:
    temperatures = _taken(80, 1.0)
    assert sum(temperature == 1 for temperature in temperatures) >= 12
    assert [best_temperature(*_labelled(80, 1.0, seed)) for seed in range(20)].count(1.0) == 0


def test_copies_of_one_photo_do_not_vouch_for_each_other() -> None:
    logits, labels = np.tile([[2.0, 0.0], [0.0, 2.0]], (6, 1)), np.tile([0, 0], 6)
    groups = np.tile([0, 1], 6)  # two photos six times: one is right, one is wrong
    assert helpful_temperature(logits, labels, np.arange(12), 0) > 1.5
    assert helpful_temperature(logits, labels, groups, 0) == 1.0


def test_no_photos_have_no_helpful_temperature() -> None:
    assert helpful_temperature(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0, np.int64), 0) == 1.0


def test_the_calibration_error_of_a_case_worked_by_hand() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    truth = np.array([0, 1, 1, 1])
    # Of two at 0.9 one is right, of two at 0.7 both are: (2 · |0.5 - 0.9| + 2 · |1 - 0.7|) / 4.
    assert expected_calibration_error(scores, truth) == pytest.approx(0.35)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 1000))
@settings(max_examples=50)
def test_the_calibration_error_is_a_share(count: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(classes), count)
    assert 0 <= expected_calibration_error(scores, rng.integers(classes, size=count)) <= 1
